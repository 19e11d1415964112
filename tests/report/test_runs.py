import math
from pathlib import Path

import pytest

from tests.report.run_folders import a_run, write_run
from vtagml.report import find_runs, read_run

TASK = (
    '{"metrics": {"model": %s}, "headline": {"d": %s}, "higher_is_better": {"d": %s}, '
    '"provenance": {"seed": 0}}'
)


def test_what_is_read(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run", seed=3)
    assert run.tasks == ("segmentation", "depth")
    assert (run.value("segmentation"), run.value("depth")) == (0.5, 0.8)
    assert run.seeds == (3, 3)
    assert run.steps == 225
    assert run.configs == ("scenes_sd",)


def test_null_is_not_a_number(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run", metrics={"segmentation": None, "depth": 0.8})
    assert math.isnan(run.value("segmentation"))


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("vtagml fit --config=a/b.yaml", ("b",)),
        ("vtagml fit --config 'a b/c.yaml' --config small.yaml", ("c", "small")),
        ("vtagml test --config runs/mine/config.yaml", ("mine",)),
        ("vtagml test --config runs/mine/0/config.yaml", ("mine/0",)),
        ("vtagml fit -c a/b.yaml -c=c.yaml", ("b", "c")),
        ("vtagml fit", ()),
    ],
)
def test_names_of_the_configs(tmp_path: Path, command: str, names: tuple[str, ...]) -> None:
    assert a_run(tmp_path / "run", changes={"provenance.command": command}).configs == names


def test_seeds_are_those_of_the_training(tmp_path: Path) -> None:
    changes = {"provenance.seed": 0, "provenance.data.settings.seed": 0}  # of a later test
    assert a_run(tmp_path / "run", seed=2, changes=changes).seeds == (2, 2)


def test_a_run_tested_elsewhere_has_the_config_of_its_training(tmp_path: Path) -> None:
    trained = write_run(tmp_path / "trained", seed=4)
    checkpoint = str(trained / "checkpoints" / "last.ckpt")
    tested = write_run(tmp_path / "tested", changes={"provenance.checkpoint": checkpoint})
    (tested / "config.yaml").unlink()
    assert read_run(tested).seeds == (4, 4)


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        find_runs([tmp_path / "absent"])


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(FileNotFoundError, match=r"neither `metrics\.json` nor"):
        find_runs([tmp_path])


def test_an_unfinished_run(tmp_path: Path) -> None:
    (write_run(tmp_path / "run") / "metrics.json").unlink()
    with pytest.raises(FileNotFoundError, match="unfinished or was never tested"):
        find_runs([tmp_path / "run"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"metrics": {"mod', "is damaged"),
        ("[1, 2]", r"must be a mapping, found \[1, 2\]"),
        ("{}", "found no usable metrics, headline, higher_is_better, units, comparable, letters, "),
        ('{"metrics": {"model": {"a": {}}}}', "found no usable headline, higher_is_better, units"),
        (TASK % ('{"d": 3}', '"x"', "{}"), r"`metrics\.model\.d` in .* must be a mapping, found 3"),
        (TASK % ('{"d": {"x": 3}}', "7", "{}"), r"`headline\.d` in .* must be text, found 7"),
        (TASK % ('{"d": {"x": 3}}', '"x"', "1"), r"`higher_is_better\.d` in .* must be a mapping"),
    ],
)
def test_a_damaged_or_foreign_file(tmp_path: Path, text: str, said: str) -> None:
    folder = write_run(tmp_path / "run")
    (folder / "metrics.json").write_text(text)
    with pytest.raises(ValueError, match=said):
        read_run(folder)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- 1\n", "must be a mapping, found"),
        ("a: [\n", "is damaged"),
        ("", "the config of a train"),
    ],
)
def test_a_damaged_config(tmp_path: Path, text: str, said: str) -> None:
    folder = write_run(tmp_path / "run")
    (folder / "config.yaml").write_text(text)
    with pytest.raises(ValueError, match=said):
        read_run(folder)


def test_a_folder_of_runs_leaves_out_what_is_not_finished_and_says_so(tmp_path: Path) -> None:
    write_run(tmp_path / "runs" / "setting" / "good")
    (write_run(tmp_path / "runs" / "going_on") / "metrics.json").unlink()
    write_run(tmp_path / "runs" / "setting" / "good.1")  # set aside by a later run
    write_run(tmp_path / "runs" / "rate_0.1")  # no run `rate_0`
    runs, left_out = find_runs([tmp_path / "runs"])
    assert [run.folder.name for run in runs] == ["rate_0.1", "good"]
    assert len(left_out) == 2
    assert "unfinished" in left_out[0]
    assert "set aside" in left_out[1]


def test_a_run_counts_once_and_what_is_named_is_read_even_if_set_aside(tmp_path: Path) -> None:
    write_run(tmp_path / "runs" / "a")
    old = write_run(tmp_path / "runs" / "a.1")
    runs, left_out = find_runs([tmp_path / "runs", tmp_path / "runs" / "a", old])
    assert [run.folder.name for run in runs] == ["a", "a.1"]
    assert left_out == []
