"""Files that are there whole or not at all."""

from pathlib import Path

from datamodules.disk.unfinished import partial_name
from vtagml.run_folder.whole_file import remove_partial_files, write_whole


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.txt"
    write_whole(path, b"first")
    write_whole(path, b"second")
    assert path.read_bytes() == b"second"
    assert [each.name for each in path.parent.iterdir()] == ["file.txt"]


def test_what_datamodules_left_unfinished_is_removed_too(tmp_path: Path) -> None:
    partial = partial_name(tmp_path / "prediction.png")
    partial.touch()
    remove_partial_files(tmp_path.iterdir())
    assert not partial.exists()
