"""`lightning benchmark`: what it prints, leaves and refuses."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.benchmark.plans import ROWS, stand_in, started, write_plan
from tests.benchmark.stand_in import resolve
from tests.fakes.small import SMALL
from vtagml.benchmark import Resolve
from vtagml.cli import main
from vtagml.commands import parse
from vtagml.commands.command import Command
from vtagml.run_folder import LOCK

pytestmark = pytest.mark.usefixtures("own_folder")
EXPERIMENTS = Path(__file__).parents[2] / "experiments"
SMALL_RUN = Path(__file__).parents[1] / "faults/small.yaml"


def benchmark(
    words: list[str], fates: Mapping[str, Any] | None = None, resolved: Resolve = resolve
) -> None:
    """Runs the command; runs and the parser are played."""
    with stand_in(fates), pytest.MonkeyPatch.context() as patch:
        patch.setattr(parse, "resolved", resolved)
        Command("benchmark")(words)


def test_runs_and_tables(capsys: pytest.CaptureFixture[str]) -> None:
    benchmark([str(write_plan())])
    said = capsys.readouterr().out
    assert "base/0 begins: `out/base/0.log`" in said
    assert re.search(r"other/1 finished after \d:\d\d:\d\d", said)
    assert "In `out`: table.md." in said
    assert {path.name for path in Path("out").iterdir()} == {*("base", "other", "table.md", LOCK)}


def test_a_failure_is_said_and_is_the_exit_status(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^1$"):
        benchmark([str(write_plan(seeds=[0]))], {"base/0": {"fate": "fails"}})
    said = capsys.readouterr().out
    assert "error: no luck" in said
    assert "other/0 lacks its source\n  `out/base/0` is not finished" in said
    assert "2 of 2 runs are not finished: base/0, other/0." in said
    assert Path("out/table.md").is_file()


def test_only_some_elsewhere() -> None:
    path = str(write_plan([*ROWS, {"name": "third"}]))
    benchmark([path, "--only", "third", "--out", "there", "--processes", "2"])
    assert sorted(started()) == ["third/0", "third/1"]
    assert Path("there/third/0/metrics.json").is_file()


def test_a_dry_run_prints_what_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    path = str(write_plan())
    benchmark([path, "--only", "base"])
    started()
    capsys.readouterr()
    before = sorted(Path("out").rglob("*"))
    benchmark([path, "--dry-run"])
    assert capsys.readouterr().out.splitlines() == [
        "# base/0: finished",
        "lightning fit --config scenes.yaml --trainer.callbacks.checkpoint=out/base/0 "
        "--seed_everything=0 --data.seed=0 --trainer.default_root_dir=out/other/0",
        "# base/1: finished",
        "lightning fit --config scenes.yaml --trainer.callbacks.checkpoint=out/base/1 "
        "--seed_everything=1 --data.seed=1 --trainer.default_root_dir=out/other/1",
    ]
    assert started() == []
    assert sorted(Path("out").rglob("*")) == before


@pytest.mark.parametrize("words", [[], ["--dry-run"], ["--only", "base", "other"]])
def test_every_row_is_checked_before_the_first_begins(words: list[str]) -> None:
    checked: list[Sequence[str]] = []

    def check(words: Sequence[str]) -> dict[str, Any]:
        checked.append(words)
        if "--data.vall=3" in words:
            raise ValueError("no key `vall`")
        return resolve(words)

    tested = {"name": "tested", "test": "base"}
    path = str(write_plan([ROWS[0], tested, {**ROWS[1], "overrides": {"data.vall": 3}}]))
    with pytest.raises(ValueError, match=r"Row `other` must be .* no key `vall`"):
        benchmark([path, *words], resolved=check)
    assert len(checked) == 2  # `tested` is of the same words as `base`
    assert not any("ckpt_path" in word for words in checked for word in words)
    assert started() == []


def test_tables_alone() -> None:
    benchmark([str(write_plan()), "--table-only"])
    assert started() == []
    assert "0 of 2" in Path("out/table.md").read_text()


def test_an_interrupt_still_leaves_the_tables(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("vtagml.launching.Runner.run", interrupt)
    with pytest.raises(SystemExit, match=r"^130$"):
        benchmark([str(write_plan())])
    assert "Stopped; the same command goes on." in capsys.readouterr().out
    assert Path("out/table.md").is_file()


@pytest.mark.parametrize(
    ("words", "finding"),
    [
        ([], "`PLAN` must be given"),
        (["--dry-run"], "`PLAN` must be given"),
        (["plan.yaml", "--dry"], "`--dry` is no option of `benchmark`"),
        (["plan.yaml", "--processes", "0"], "`--processes` must be 1 or more, found 0"),
        (["plan.yaml", "--only", "absent"], "`--only` must name settings or rows"),
    ],
)
def test_mistakes(words: list[str], finding: str) -> None:
    write_plan()
    with pytest.raises(ValueError, match=r"must|is no option") as error:
        benchmark(words)
    assert finding in str(error.value)


def test_among_the_other_commands(capsys: pytest.CaptureFixture[str]) -> None:
    path = str(write_plan([{**ROWS[0], "config": str(SMALL_RUN)}], seeds=[0]))
    main(["benchmark", path, "--dry-run"])
    assert len(capsys.readouterr().out.splitlines()) == 1
    wrong = {**ROWS[0], "config": str(SMALL_RUN), "overrides": {"data.bach_size": 3}}
    with pytest.raises(SystemExit, match="2"):
        main(["benchmark", str(write_plan([wrong])), "--dry-run"])
    assert re.match("error: Row `base` must be.*bach_size", capsys.readouterr().err, re.DOTALL)
    with pytest.raises(SystemExit, match="2"):
        main(["benchmark", "absent.yaml"])
    assert capsys.readouterr().err.startswith("error: `PLAN` must be a YAML file")


@pytest.mark.slow
def test_real_runs(capsys: pytest.CaptureFixture[str]) -> None:
    rooms, dusk = (
        EXPERIMENTS / name for name in ("scenes_sdne.yaml", "settings/zero_shot_dusk.yaml")
    )
    overrides = dict(word.removeprefix("--").split("=", 1) for word in SMALL)
    rows = [
        {"name": "source"},
        {"name": "untuned", "overlays": [str(dusk)], "test": "source"},
        {"name": "tuned", "overlays": [str(dusk)], "needs": "source"},
    ]
    settings = [
        {"name": "day", "rows": rows[:1]},
        {"name": "dusk", "rows": rows[1:]},
    ]
    common = {"config": str(rooms), "overrides": overrides}
    settings = [setting | common for setting in settings]
    path = str(write_plan(settings=settings, seeds=[3]))
    main(["benchmark", path, "--processes", "2"])
    # Broken off after its last step, before its test.
    Path("out/tuned/3/metrics.json").unlink()
    capsys.readouterr()
    main(["benchmark", path])
    said = capsys.readouterr().out
    assert "tuned/3 goes on" in said
    assert "source/3 begins" not in said
    dusk = Path("out/table.md").read_text().partition("## dusk")[2]
    for row in ("untuned", "tuned"):
        assert re.search(rf"\| {row} \| 1 \|( -?[\d.]+ \|){{4}}", dusk)
    assert "Not in the table" not in dusk
