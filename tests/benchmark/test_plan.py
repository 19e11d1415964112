import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.benchmark.plans import ROWS, write_plan
from tests.benchmark.stand_in import resolve
from vtagml.benchmark import all_cells, chosen_cells, read_plan
from vtagml.benchmark.plan import Row
from vtagml.benchmark.resolved import differences, settings_of
from vtagml.commands.parse import resolved

ROOT = Path(__file__).parents[2]
PLANS = tuple(sorted(path.stem for path in (ROOT / "experiments/benchmarks").glob("*.yaml")))


def rows(*changes: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**row, **change} for row, change in zip(ROWS, changes, strict=True)]


def test_a_plan() -> None:
    plan = read_plan(
        write_plan(
            trainer={"accelerator": "cpu"},
            setting={"overrides": {"data.val": 200}, "baseline": "base"},
        )
    )
    (setting,) = plan.settings
    base, other = setting.rows
    assert (setting.name, setting.title, setting.baseline) == ("rooms", "Rooms", "base")
    assert (base.title, base.command, base.source, base.seeds) == ("base", "fit", None, (0, 1))
    assert (other.title, other.command, other.source) == ("The other", "fit", "base")
    assert base.overrides == {"trainer.accelerator": "cpu", "data.val": 200}
    assert plan.out == Path("out")


def test_a_row_overrides_its_setting_and_that_the_plan() -> None:
    own = rows({"overrides": {"trainer.devices": 3}, "seeds": [5]}, {"seeds": [5]})
    path = write_plan(own, trainer={"devices": 1}, setting={"overrides": {"trainer.devices": 2}})
    base, other = read_plan(path).settings[0].rows
    assert base.overrides == {"trainer.devices": 3}
    assert other.overrides == {"trainer.devices": 2}
    assert base.seeds == (5,)


def test_a_row_has_the_config_of_its_setting_and_overlays_of_its_own() -> None:
    own = [{"name": "base"}, {"overlays": ["plan.yaml"], "needs": "base"}]
    base, other = read_plan(write_plan(own, setting={"config": "scenes.yaml"})).settings[0].rows
    assert other.name == other.title == "scenes+plan"  # as the run folder, if nobody names it
    assert base.configs == (Path("scenes.yaml"),)
    assert other.configs == (Path("scenes.yaml"), Path("plan.yaml"))
    absent = [{**ROWS[0], "overlays": ["absent.yaml"]}]
    with pytest.raises(FileNotFoundError, match=r"there is no file `absent.yaml`"):
        read_plan(write_plan(absent))


def test_one_row_stands_for_many() -> None:
    each = {"data.train": [4, 16], "model.encoder_rate": [0.02, "2e-1"]}
    own = {"name": "few_{}", "title": "Few: {}", "overrides": {"data.val": 2}, "each": each}
    (setting,) = read_plan(write_plan([own], setting={"seeds": [3]})).settings
    names = ["few_4_002", "few_4_2e-1", "few_16_002", "few_16_2e-1"]
    assert [row.name for row in setting.rows] == names
    first, *_, last = setting.rows
    assert first.title == "Few: 4, 0.02"
    assert first.overrides == {"data.val": 2, "model.encoder_rate": 0.02, "data.train": 4}
    assert last.overrides == {"data.val": 2, "model.encoder_rate": "2e-1", "data.train": 16}
    assert {row.seeds for row in setting.rows} == {(3,)}


def test_one_setting_stands_for_many() -> None:
    own = [{"name": "base_{}"}, {"name": "other_{}", "title": "{} again", "needs": "base_{}"}]
    many = {
        "name": "few_{}",
        "title": "From {}",
        "each": {"data.train": [4, 16]},
        "baseline": "base_{}",
    }
    four, sixteen = read_plan(write_plan(own, setting=many)).settings
    assert (four.name, four.title, four.baseline) == ("few_4", "From 4", "base_4")
    assert [row.name for row in sixteen.rows] == ["base_16", "other_16"]
    assert sixteen.rows[1].title == "16 again"
    assert sixteen.rows[1].source == "base_16"
    assert [row.overrides for row in sixteen.rows] == [{"data.train": 16}] * 2
    both = [{"name": "a_{}", "title": "{}", "each": {"data.val": [1]}}]
    with pytest.raises(ValueError, match="must be a setting's or its rows', found both in `few_4`"):
        read_plan(write_plan(both, setting=many))


def test_sources_come_first_wherever_they_stand() -> None:
    plan = read_plan(write_plan([ROWS[1], ROWS[0]]))
    assert list(plan.rows) == ["base", "other"]
    assert [row.name for row in plan.settings[0].rows] == ["other", "base"]


@pytest.mark.parametrize(
    ("own", "finding"),
    [
        (({"confg": "x"}, {}), "A row (`base`) must have only name, title, config, overlays"),
        (({}, {"needs": "absent"}), "`needs` of row `other` must be a row of the plan, found `abs"),
        (({"needs": "other"}, {}), "found base → other → base: break the circle"),
        (({"needs": "base"}, {}), "found base → base"),
        (
            ({"config": "absent.yaml"}, {}),
            "of row `base` must be experiments, there is no file `abs",
        ),
        (({"config": None}, {}), "`config` of row `base`, or of its setting, must be given"),
        (({}, {"name": "base"}), "found `base` 2 times"),
        (({}, {"name": "rooms"}), "found `rooms` 2 times"),
        (({}, {"title": "base"}), "`title` must be one row's alone in a table, found `base`"),
        (({"name": "a/b"}, {"needs": None}), "found 'a/b'"),
        (({"name": "a.1"}, {"needs": None}), "found 'a.1'"),
        (
            ({}, {"test": "base"}),
            "`needs` and `test` exclude each other, found both in row `other`",
        ),
        (({"seeds": [0]}, {}), "`seeds` of row `other` must be among those of `base`"),
        (({"seeds": [0, 0]}, {}), "different whole numbers, found [0, 0]"),
        (({"seeds": 3}, {}), "different whole numbers, found 3"),
        (({"overrides": {"ckpt_path": "x"}}, {}), "must not have `ckpt_path`: it follows"),
        (({"overrides": ["x"]}, {}), "`overrides` of row `base` must be keys with values"),
        (({"each": {"data.val": [1]}}, {}), "must have `{}`, where a value stands, found 'base'"),
        (
            ({"name": "a{}", "title": "{}", "each": {"data.val": 1}}, {}),
            "each` of `a{}` must be",
        ),
        (
            ({"name": "a{}", "title": "{}", "each": [1]}, {}),
            "`each` of `a{}` must be keys with",
        ),
        (({"overrides": {"a": "{source}/b"}}, {}), "so the row must name that run's row: `needs`"),
    ],
)
def test_mistakes_in_rows(own: tuple[dict[str, Any], dict[str, Any]], finding: str) -> None:
    path = write_plan(rows(*own))
    with pytest.raises((ValueError, FileNotFoundError)) as error:
        read_plan(path)
    assert finding in str(error.value)


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"setings": []}, "The plan must have only out, seeds, trainer, settings, found `setings`"),
        ({"settings": []}, "The plan must have `settings`, found nothing"),
        ({"settings": {"a": 1}}, "`settings` of the plan must be a list"),
        ({"seeds": None}, "The plan must have `seeds`, found nothing"),
        ({"setting": {"baseline": "absent"}}, "must be one of its rows, base, other, found `abs"),
        ({"setting": {"row": []}}, "A setting (`rooms`) must have only name, title, config"),
        ({"trainer": "gpu"}, "`trainer` of the plan must be keys with values, found 'gpu'"),
    ],
)
def test_mistakes_in_a_plan(changes: dict[str, Any], finding: str) -> None:
    path = write_plan(**changes)
    with pytest.raises(ValueError, match="must") as error:
        read_plan(path)
    assert finding in str(error.value)


def test_a_test_leaves_nothing_to_start_from() -> None:
    tested = {"name": "tested", "test": "base"}
    path = write_plan([ROWS[0], tested, {**ROWS[1], "needs": "tested"}])
    with pytest.raises(ValueError, match="of row `other` must be a row that trains"):
        read_plan(path)


def test_no_plan() -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no file `absent.yaml`"):
        read_plan(Path("absent.yaml"))
    Path("bad.yaml").write_text("a: [")
    with pytest.raises(ValueError, match=r"`bad.yaml` is not"):
        read_plan(Path("bad.yaml"))


def test_names_choose_cells_with_their_sources() -> None:
    plan = read_plan(write_plan([*ROWS, {"name": "third"}]))
    cells = all_cells(plan, plan.out, resolve)

    def names(*only: str) -> list[str]:
        return [cell.name for cell in chosen_cells(plan, cells, only)]

    assert names() == ["base/0", "other/0", "third/0", "base/1", "other/1", "third/1"]
    assert names("other") == ["base/0", "other/0", "base/1", "other/1"]
    assert names("third") == ["third/0", "third/1"]
    assert names("rooms") == names()
    with pytest.raises(ValueError, match="found `absent`; there are the settings rooms and"):
        names("absent")


@pytest.mark.parametrize("name", ["scenes_cpu", "scenes_gpu"])
def test_the_plans_of_scenes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    plan = read_plan(Path(f"experiments/benchmarks/{name}.yaml"))
    assert {setting.name for setting in plan.settings} == {
        *("rooms", "real_backbone", "dusk", "zero_shot", "sources", "new_task", "novel")
    }
    lambdas = {f"scenes_to_dusk_sdn+adversarial_rooms_{weight}" for weight in ("1e-3", "1e-1")}
    single = lambdas if name == "scenes_cpu" else set()
    assert {row.name for row in plan.rows.values() if row.seeds == (0,)} == single
    assert all(row.seeds == (0, 1, 2) for row in plan.rows.values() if row.name not in single)


def test_every_method_of_the_plan_of_methods_has_three_rates_unless_it_was_searched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    settings = read_plan(Path("experiments/benchmarks/methods_cpu.yaml")).settings
    rates, methods, real_rates, real = settings
    before = {"single_task", "frozen", "full", "vtagml_side"}  # and VTAGML, the base alone
    for searching, table in ((rates, methods), (real_rates, real)):
        searched = Counter(methods_of(row) for row in searching.rows)
        assert set(searched.values()) <= {3, 4}
        assert all(row.seeds == (0,) for row in searching.rows)
        # What a stream per task trains in has the rate that one stream of it was given.
        found = {name for row in table.rows for name in methods_of(row) if "_separate" not in name}
        assert found - before == {name for names in searched for name in names} - before
        assert any(not methods_of(row) for row in table.rows), "VTAGML is missing"
        assert found >= {"frozen", "full"}
    assert all(row.seeds == (0, 1, 2) for row in methods.rows)
    assert before <= {name for row in methods.rows for name in methods_of(row)}
    assert {row.configs[1].stem for row in real.rows} == {"dinov2"}


def methods_of(row: Row) -> tuple[str, ...]:
    """The overlays of a row that make its method."""
    return tuple(each.stem for each in row.configs if each.parent.name == "methods")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:LightningCLI's args parameter")
@pytest.mark.parametrize("name", PLANS)
def test_every_key_of_the_plans_is_one_of_its_experiment(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    plan = read_plan(Path(f"experiments/benchmarks/{name}.yaml"))
    tried: set[tuple[str, ...]] = set()
    for setting in plan.settings:  # else there is no table
        assert len({row.overrides.get("data.train") for row in setting.rows}) == 1, setting.name
    for cell in all_cells(plan, plan.out, resolved):
        # A number is as good as another.
        words = tuple(re.sub(r"=[-+.\de]+$|/[^/]*/0$", "=", word) for word in cell.words)
        if cell.seed != 0 or words in tried:
            continue
        tried.add(words)
        planned = cell.settings
        assert planned["seed_everything"] == 0, cell.name
        if cell.source is not None:  # what its words mean is what it is compared by
            own = settings_of(resolved(cell.words[1:]))
            assert differences(own, planned) == [], cell.name


def test_the_plan_for_a_gpu_has_every_method(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    plan = read_plan(Path("experiments/benchmarks/scenes_gpu.yaml"))
    found = {config for row in plan.settings[0].rows for config in row.configs[1:]}
    methods = {
        config
        for room in ("methods", "ablations")
        for config in Path("experiments", room).glob("*.yaml")
        if "scenes_sdne.yaml" in (text := config.read_text())
        and not any(room in text for room in ("settings/", "backbones/"))
    }
    assert found == methods | {Path("experiments/methods/single_task.yaml")}
