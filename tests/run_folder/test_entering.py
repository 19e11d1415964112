"""A command's folder: only what is a run's is moved or removed, whatever the folder is."""

import ctypes
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vtagml.run_folder import CONFIG, LOCK, RunFolder, evaluation_in, fit_in
from vtagml.run_folder.earlier_run import set_aside
from vtagml.run_folder.folder import MARK


def nothing() -> None:
    pass


def write(file: Path) -> None:
    file.write_text("mine")


def interrupted() -> None:
    raise KeyboardInterrupt


def fit(
    root: Path,
    content: str = "run",
    begun: bool = True,
    fresh: bool = True,
    then: Callable[[], None] = nothing,
) -> None:
    """A fit that writes a little, and is interrupted if it does not begin a step."""
    with fit_in(RunFolder(root), root / "checkpoints", fresh, lambda: begun):
        (root / CONFIG).write_text(content)
        (root / "checkpoints").mkdir(exist_ok=True)
        (root / "checkpoints" / "last.ckpt").write_text(content)
        then()
        if not begun:
            raise KeyboardInterrupt


def tree(folder: Path) -> dict[str, str]:
    """All files with their content, those that say what the folder is left out."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in files
        if path.name not in (MARK, LOCK)
    }


def of_run(content: str) -> dict[str, str]:
    return {CONFIG: content, "checkpoints/last.ckpt": content}


OTHERS = ("mkdocs.yml", CONFIG, "metrics.json", "photos/.film.mkv.partial", ".hidden", ".lock")


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("fresh", [True, False])
def test_folder_of_other_things_is_refused_and_left_alone(
    tmp_path: Path, name: str, fresh: bool
) -> None:
    home = tmp_path / "home"
    (home / name).parent.mkdir(parents=True)
    (home / name).write_text("mine")
    first = Path(name).parts[0]
    with pytest.raises(ValueError, match=rf"`{first}` in `.*home` and no `{MARK}`.*give another"):
        fit(home, fresh=fresh)
    with pytest.raises(ValueError, match="give another"), evaluation_in(RunFolder(home)):
        pass
    assert {path.name for path in home.iterdir()} == {first}
    assert tree(tmp_path) == {f"home/{name}": "mine"}


def test_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ValueError, match="must be a folder, found the file"):
        fit(tmp_path / "file")


@pytest.mark.parametrize("name", ["lost+found", ".DS_Store"])
def test_what_systems_leave_makes_no_folder_full(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    fit(tmp_path)
    assert (tmp_path / name).exists()


def test_files_of_the_user_stay_while_the_run_moves(tmp_path: Path) -> None:
    run = tmp_path / "run"
    fit(run, "first")
    (run / "mine.txt").write_text("mine")
    (run / ".film.mkv.4711.partial").write_text("mine")
    fit(run, "second")
    mine = {"mine.txt": "mine", ".film.mkv.4711.partial": "mine"}
    assert tree(run) == of_run("second") | mine
    assert tree(tmp_path / "run.1") == of_run("first")
    fit(run, "third")
    assert tree(run) == of_run("third") | mine
    assert tree(tmp_path / "run.2") == of_run("second")
    assert RunFolder(tmp_path / "run.2").is_marked


def test_an_earlier_run_is_a_run_itself(tmp_path: Path) -> None:
    fit(tmp_path / "run", "first")
    fit(tmp_path / "run", "second")
    fit(tmp_path / "run.1", "third")
    assert tree(tmp_path / "run.1.1") == of_run("first")


def test_folder_of_the_users_beside_is_not_taken(tmp_path: Path) -> None:
    fit(tmp_path / "run", "first")
    (tmp_path / "run.1").mkdir()
    fit(tmp_path / "run", "second")
    assert not list((tmp_path / "run.1").iterdir())
    assert tree(tmp_path / "run.2") == of_run("first")


@pytest.mark.parametrize("absolute", [False, True])
def test_working_directory_stays_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, absolute: bool
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    root = work if absolute else Path()
    before = work.stat().st_ino
    fit(root, "first")
    fit(root, "second")
    assert Path.cwd() == work
    assert Path.cwd().stat().st_ino == before
    assert tree(work) == of_run("second")
    assert tree(tmp_path / "work.1") == of_run("first")


def test_link_keeps_leading_to_its_disk(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    (disk / "run").mkdir(parents=True)
    link = tmp_path / "run"
    link.symlink_to(disk / "run")
    fit(link, "first")
    fit(link, "second")
    assert link.is_symlink()
    assert tree(disk / "run") == of_run("second")
    assert tree(disk / "run.1") == of_run("first")


def test_link_to_nowhere_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "run").symlink_to(tmp_path / "absent")
    with pytest.raises(ValueError, match="must be a folder"):
        fit(tmp_path / "run")


@contextmanager
def mounted(place: Path, options: str = "size=1m") -> Iterator[None]:
    """A small disk of its own, as a container's volume is one."""
    libc = ctypes.CDLL(None, use_errno=True)
    place.mkdir(exist_ok=True)
    if libc.mount(b"tmpfs", os.fsencode(place), b"tmpfs", 0, options.encode()):
        pytest.skip(f"may not mount: {os.strerror(ctypes.get_errno())}")
    try:
        yield
    finally:
        libc.umount2(os.fsencode(place), 0)


def test_earlier_run_of_a_mounted_folder_stays_on_its_disk(tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    with mounted(volume):
        fit(volume, "first")
        fit(volume, "second")
        fit(volume, "third")
        earlier = {f"earlier.1/{name}": "first" for name in of_run("first")}
        later = {f"earlier.2/{name}": "second" for name in of_run("second")}
        assert tree(volume) == of_run("third") | earlier | later
        with pytest.raises(KeyboardInterrupt):
            fit(volume, "fourth", begun=False)
        assert tree(volume) == of_run("third") | earlier | later
    assert [path.name for path in tmp_path.iterdir()] == ["volume"]


def test_run_with_a_disk_of_its_own_inside_is_refused_whole(tmp_path: Path) -> None:
    run = tmp_path / "run"
    fit(run, "first")
    with mounted(run / "logs"):
        with pytest.raises(ValueError, match=r"cannot be moved.*nothing was changed"):
            fit(run, "second")
        assert tree(run) == of_run("first")
        assert RunFolder(run).is_marked
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_disk_that_is_read_only_is_one_message(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "size=1m,ro"):
        with pytest.raises(OSError, match="can be written to"):
            fit(tmp_path / "disk")
        with (
            pytest.raises(OSError, match="can be written to"),
            evaluation_in(RunFolder(tmp_path / "disk")),
        ):
            pass
        with pytest.raises(OSError, match="disk/new"):
            fit(tmp_path / "disk" / "new" / "run")


def test_name_that_is_too_long_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="too long"):
        fit(tmp_path / "runs" / ("x" * 300))
    assert not list(tmp_path.iterdir())


def test_name_with_no_room_for_a_number(tmp_path: Path) -> None:
    run = tmp_path / ("x" * 255)
    fit(run, "first")
    fit(run, "second")
    assert tree(run / "earlier.1") == of_run("first")


def test_fit_that_fails_at_once_leaves_no_folder_that_it_made(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "runs" / "new", begun=False)
    assert not list(tmp_path.iterdir())
    (tmp_path / "empty").mkdir()
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "empty", begun=False)
    assert not list((tmp_path / "empty").iterdir())


def test_fit_that_resumes_elsewhere_and_fails_at_once_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "new", begun=False, fresh=False)
    assert not list(tmp_path.iterdir())


def test_fit_that_has_begun_keeps_what_it_wrote(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path, then=interrupted, begun=True)
    assert tree(tmp_path) == of_run("run")


def test_fit_that_is_resumed_keeps_what_there_is(tmp_path: Path) -> None:
    fit(tmp_path, "first")
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path, "first", begun=False, fresh=False)
    assert tree(tmp_path) == of_run("first")


def test_earlier_run_comes_back_and_files_of_the_user_stay(tmp_path: Path) -> None:
    run = tmp_path / "run"
    fit(run, "first")
    RunFolder(run).claim("weights/mine.safetensors")
    (run / "weights").mkdir()
    (run / "weights" / "mine.safetensors").write_text("first")
    (run / "weights" / "other.safetensors").write_text("mine")
    before = tree(run)
    with pytest.raises(KeyboardInterrupt):
        fit(run, "second", begun=False)
    assert tree(run) == before
    assert RunFolder(run).is_marked
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    fit(run, "second")
    assert tree(run) == of_run("second") | {"weights/other.safetensors": "mine"}
    moved = of_run("first") | {"weights/mine.safetensors": "first"}
    assert tree(tmp_path / "run.1") == moved


def test_what_the_user_adds_to_the_earlier_run_meanwhile_stays(tmp_path: Path) -> None:
    run = tmp_path / "run"
    fit(run, "first")
    notes = tmp_path / "run.1" / "notes.txt"
    with pytest.raises(KeyboardInterrupt):
        fit(run, "second", begun=False, then=lambda: write(notes))
    assert tree(run) == of_run("first")
    assert tree(tmp_path / "run.1") == {"notes.txt": "mine"}


@pytest.mark.parametrize("name", ["../victim", "{tmp}/victim", "", "a/../../victim"])
def test_mark_from_anybody_names_nothing_outside(tmp_path: Path, name: str) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    fit(tmp_path / "run", "first")
    (tmp_path / "run" / MARK).write_text(name.format(tmp=tmp_path) + "\n")
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "run", "second", begun=False)
    fit(tmp_path / "run", "second")
    assert victim.read_text() == "mine"
    RunFolder(tmp_path / "run").claim(name.format(tmp=tmp_path) or "x")
    assert "victim" not in (tmp_path / "run" / MARK).read_text()


def test_interrupted_move_is_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fit(tmp_path / "run", "first")
    before, rename = tree(tmp_path), Path.rename

    def interrupted_at_the_mark(self: Path, target: Path) -> Path:
        if self.name == MARK:
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", interrupted_at_the_mark)
    with pytest.raises(KeyboardInterrupt):
        set_aside(RunFolder(tmp_path / "run"))
    assert tree(tmp_path) == before


def test_what_a_killed_run_left_is_cleaned_up_and_nothing_else(tmp_path: Path) -> None:
    run = tmp_path / "run"
    fit(run, "first")
    mine = [
        "photos/.film.mkv.partial",
        "figures/.film.mkv.partial",
        "checkpoints/.last.ckpt.7.partial",
    ]
    mine += ["photos/.a.png.7.vtagml.partial", "figures/.a.png.vtagml.partial"]
    left = ["figures/affinity/.a.png.4711.vtagml.partial", ".metrics.json.7.vtagml.partial"]
    left += ["checkpoints/.last.ckpt.7.vtagml.partial"]
    for name in [*mine, *left]:
        (run / name).parent.mkdir(parents=True, exist_ok=True)
        (run / name).write_text("half")
    fit(run, "first", fresh=False)
    assert tree(run) == of_run("first") | dict.fromkeys(mine, "half")


def test_checkpoints_of_another_run_elsewhere_are_not_overwritten(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "last.ckpt").write_text("another run's")
    with (
        pytest.raises(ValueError, match=r"checkpoint\.dirpath.*elsewhere"),
        fit_in(RunFolder(tmp_path / "run"), elsewhere, True, lambda: True),
    ):
        pass
    assert not (tmp_path / "run").exists()
    with fit_in(RunFolder(tmp_path / "run"), elsewhere, False, lambda: True):
        pass


def test_evaluation_marks_a_folder_of_its_own_and_takes_it_back(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no weights"), evaluation_in(RunFolder(tmp_path / "a" / "b")):
        raise OSError("no weights")
    assert not list(tmp_path.iterdir())
    with evaluation_in(RunFolder(tmp_path / "a" / "b")):
        (tmp_path / "a" / "b" / "metrics.json").write_text("{}")
    fit(tmp_path / "a" / "b")
    assert tree(tmp_path / "a" / "b.1") == {"metrics.json": "{}"}


def test_evaluation_leaves_a_run_at_work_alone(tmp_path: Path) -> None:
    with fit_in(RunFolder(tmp_path), tmp_path / "checkpoints", True, lambda: True):
        with pytest.raises(OSError, match="no weights"), evaluation_in(RunFolder(tmp_path)):
            raise OSError("no weights")
        assert RunFolder(tmp_path).is_marked
        with evaluation_in(RunFolder(tmp_path)):
            pass


def test_root_of_the_system_is_refused() -> None:
    with pytest.raises(ValueError, match="must be a new or empty folder"):
        RunFolder(Path("/")).check()


@pytest.mark.slow
def test_two_fits_at_once_in_a_new_folder_are_told_apart(tmp_path: Path) -> None:
    hold = (
        "import sys, time; from pathlib import Path; from vtagml.run_folder import *\n"
        "with run_lock(Path(sys.argv[1])): print(flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", hold, str(tmp_path / "run")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        try:
            with pytest.raises(ValueError, match="Another run is in"):
                fit(tmp_path / "run")  # not marked yet, but locked
            assert (tmp_path / "run" / LOCK).is_file()
        finally:
            holder.kill()
