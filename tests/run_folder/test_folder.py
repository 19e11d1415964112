"""What lies in a run folder, by whom it is asked."""

from pathlib import Path

import pytest

from vtagml.run_folder import RunFolder
from vtagml.run_folder.folder import NAMES


def test_every_name_of_a_run_is_one_to_ask_for(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    places = [place for place in vars(folder).values() if isinstance(place, Path)]
    assert {place.name for place in places if place.parent == tmp_path} >= {*NAMES} - {"wandb"}
    assert folder.newest_checkpoint == tmp_path / "checkpoints" / "last.ckpt"


def test_logs_are_in_the_order_of_their_numbers_and_other_names_are_none(tmp_path: Path) -> None:
    assert RunFolder(tmp_path).log_versions == {}
    for name in ("version_0", "version_10", "version_2", "version_mine", "version_²", "other"):
        (tmp_path / "logs" / name).mkdir(parents=True)
    assert list(RunFolder(tmp_path).log_versions) == [0, 2, 10]


@pytest.mark.parametrize("where", ["run", "run/checkpoints"])
def test_the_run_of_a_checkpoint(tmp_path: Path, where: str) -> None:
    (tmp_path / "config.yaml").touch()  # another's, above
    assert RunFolder.of_checkpoint(tmp_path / where / "a.ckpt").path == tmp_path / "run"


def test_a_file_is_kept_whole_and_is_the_runs(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.mark()
    folder.keep("deep/own.txt", b"content")
    assert (tmp_path / "deep" / "own.txt").read_bytes() == b"content"
    assert folder.written == ["deep/own.txt"]
    folder.clear()
    assert not (tmp_path / "deep" / "own.txt").exists()
