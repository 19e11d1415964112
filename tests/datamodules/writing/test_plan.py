import json
from collections.abc import Callable
from pathlib import Path

import pytest

from datamodules.processes.parallel import Died
from datamodules.writing import Plan, find_layout, make_plan, write_scenes

SIZE = (16, 24)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return make_plan("cityscapes", tmp_path / "tree", 1, size=SIZE)


def contents(folder: Path) -> dict[str, bytes]:
    files = (file for file in sorted(folder.rglob("*")) if file.is_file())
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def test_the_files_announced_are_the_files_written(plan: Plan) -> None:
    assert plan.missing == plan.files
    plan.write(processes=0)
    assert plan.missing == []
    assert contents(plan.out).keys() == {*plan.files, "scenes.json"}


@pytest.mark.parametrize("count", [1, 3, 8])
def test_val_and_test_get_a_quarter_and_at_least_one(tmp_path: Path, count: int) -> None:
    splits = [place.split for place in make_plan("cityscapes", tmp_path, count).places]
    assert splits.count("train") == count
    assert splits.count("val") == splits.count("test") == {1: 1, 3: 1, 8: 2}[count]


def test_the_same_settings_write_the_same_bytes(plan: Plan, tmp_path: Path) -> None:
    plan.write(processes=0)
    again = write_scenes("cityscapes", tmp_path / "again", 1, size=SIZE, processes=0)
    assert contents(plan.out) == contents(again.out)


@pytest.mark.slow
def test_processes_write_the_same_bytes(plan: Plan, tmp_path: Path) -> None:
    plan.write(processes=0)
    again = write_scenes("cityscapes", tmp_path / "again", 1, size=SIZE, processes=2)
    assert contents(plan.out) == contents(again.out)


def test_another_seed_writes_other_scenes(plan: Plan, tmp_path: Path) -> None:
    plan.write(processes=0)
    other = write_scenes("cityscapes", tmp_path / "other", 1, size=SIZE, seed=1, processes=0)
    changed = [path for path in plan.files if path.endswith("leftImg8bit.png")]
    assert len(changed) == 3
    for path in changed:
        assert (plan.out / path).read_bytes() != (other.out / path).read_bytes()


def test_a_stopped_run_is_finished(plan: Plan) -> None:
    plan.write(processes=0)
    whole = contents(plan.out)
    kept, lost = plan.out / plan.files[0], plan.out / plan.files[-1]
    kept.write_bytes(b"kept as it is")
    lost.unlink()
    assert plan.missing == [plan.files[-1]]
    plan.write(processes=0)
    assert kept.read_bytes() == b"kept as it is"
    assert contents(plan.out) == whole | {plan.files[0]: b"kept as it is"}


def test_a_scene_is_written_whole_again_if_a_file_is_missing(plan: Plan) -> None:
    plan.write(processes=0)
    first, second, *_ = plan.files
    (plan.out / first).write_bytes(b"of some other version")
    (plan.out / second).unlink()
    plan.write(processes=0)
    assert (plan.out / first).read_bytes() != b"of some other version"


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_of_other_things_is_left_alone(plan: Plan, overwrite: bool) -> None:
    plan.out.mkdir()
    (plan.out / "thesis.tex").write_text("")
    with pytest.raises(ValueError, match=r"`out` should be an empty or a new folder.*left alone"):
        plan.write(overwrite, processes=0)
    assert contents(plan.out) == {"thesis.tex": b""}


def test_a_file_is_no_folder(plan: Plan) -> None:
    plan.out.write_text("")
    with pytest.raises(ValueError, match="`out` should be a folder, found the file"):
        plan.write(processes=0)


def test_other_settings_are_refused(plan: Plan) -> None:
    plan.write(processes=0)
    other = make_plan("cityscapes", plan.out, 1, size=SIZE, seed=1)
    with pytest.raises(ValueError, match=r"same settings: .*'seed': 0.*not .*'seed': 1"):
        other.write(processes=0)


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("manifest", ["{", '{"as": "nyudv2", "form": "gone"}'])
def test_a_manifest_that_says_no_files_is_refused(
    plan: Plan, manifest: str, overwrite: bool
) -> None:
    plan.write(processes=0)
    (plan.out / "scenes.json").write_text(manifest)
    before = contents(plan.out)
    with pytest.raises(ValueError, match=r"cannot be read by this version.*empty this one"):
        plan.write(overwrite, processes=0)
    assert contents(plan.out) == before


def test_overwriting_replaces_only_what_was_written(plan: Plan) -> None:
    plan.write(processes=0)
    notes = plan.out / "camera/train/aachen/notes.txt"
    notes.write_text("mine")
    other = make_plan("synthia", plan.out, 1, size=SIZE)
    other.write(overwrite=True, processes=0)
    expected = {*other.files, "scenes.json", "camera/train/aachen/notes.txt"}
    assert contents(plan.out).keys() == expected
    assert not (plan.out / "disparity").exists()
    assert json.loads((plan.out / "scenes.json").read_text())["as"] == "synthia"


def test_overwriting_with_the_same_settings_writes_everything_again(plan: Plan) -> None:
    plan.write(processes=0)
    first = plan.out / plan.files[0]
    first.write_bytes(b"damaged")
    plan.write(overwrite=True, processes=0)
    assert first.read_bytes() != b"damaged"


def test_a_killed_process_is_an_error(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datamodules.writing.layout.in_processes", lambda *_: iter([None, Died()]))
    with pytest.raises(ChildProcessError, match=r"Scene 1: .*killed.*goes on where"):
        plan.write(processes=0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda out: make_plan("kitti", out, 1), "`as` should be one of .*'taskonomy'.*'kitti'"),
        (
            lambda out: make_plan("nyudv2", out, 1, form="jpg"),
            r"\['npy', 'png'\].*'jpg'",
        ),
        (lambda out: make_plan("synthia", out, 0), "`count` should be at least 1, found 0"),
        (lambda out: make_plan("synthia", out, 1, seed=-1), "`seed` should be 0 or more"),
        (lambda out: make_plan("synthia", out, 1, size=(8, 99)), "`size` should be at least 16"),
        (lambda out: make_plan("synthia", out, 1, look="noon"), r"\['day', 'dusk'\].*'noon'"),
    ],
)
def test_wrong_settings(tmp_path: Path, make: Callable[[Path], Plan], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(tmp_path)


def test_the_first_form_is_the_default() -> None:
    assert find_layout("nyudv2").form == "npy"
    assert find_layout("nyudv2", "png").form == "png"
