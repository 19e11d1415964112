"""Files of labels: read once they are there, computed again when damaged, by one of many."""

import multiprocessing
import time
from pathlib import Path

import pytest
import torch
from torch import Tensor

from vtagml.experts.kept_labels import KeptLabels

LABELS = torch.tensor([0, 1, 2, 0, 1, 2])


def never() -> Tensor:
    raise AssertionError("computed again")


def kept(folder: Path | None, digest: str = "a") -> KeptLabels:
    return KeptLabels(folder, digest, channels=6, experts=3)


def test_they_are_computed_once(tmp_path: Path) -> None:
    assert kept(tmp_path).read() is None
    assert torch.equal(kept(tmp_path).read_or(lambda: LABELS), LABELS)
    assert torch.equal(kept(tmp_path).read_or(never), LABELS)
    assert kept(tmp_path, "b").read() is None
    assert not list(tmp_path.glob("*.partial"))


@pytest.mark.parametrize("place", [0, 60, 140, -30, -1])
def test_a_damaged_file_is_computed_again(tmp_path: Path, place: int) -> None:
    kept(tmp_path).read_or(lambda: LABELS)
    (file,) = tmp_path.glob("*.npz")
    whole = file.read_bytes()
    damaged = bytearray(whole)
    damaged[place] ^= 0x10
    for content in (damaged, whole[:place], b""):
        file.write_bytes(content)
        # Some bits of an archive say nothing; those of the labels do.
        assert torch.equal(kept(tmp_path).read_or(lambda: LABELS), LABELS)
    assert torch.equal(kept(tmp_path).read_or(never), LABELS)


@pytest.mark.parametrize("labels", [[0, 0, 0, 1, 1, 2], [0, 1, 2, 0, 1], [0, 1, 3, 0, 1, 3]])
def test_labels_that_cannot_be_ours_are_computed_again(tmp_path: Path, labels: list[int]) -> None:
    kept(tmp_path).read_or(lambda: torch.tensor(labels))
    assert torch.equal(kept(tmp_path).read_or(lambda: LABELS), LABELS)


def test_nothing_is_kept_without_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert torch.equal(kept(None).read_or(lambda: LABELS), LABELS)
    assert not list(tmp_path.iterdir())


def test_a_place_that_is_no_folder_costs_a_warning(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.warns(UserWarning, match=r"The file of experts in .*/file.* could not be made"):
        assert torch.equal(kept(tmp_path / "file").read_or(lambda: LABELS), LABELS)


def _slowly(folder: Path) -> None:
    def compute() -> Tensor:
        with (folder / "computed").open("a") as file:
            file.write("once ")
        time.sleep(0.3)
        return LABELS

    assert torch.equal(kept(folder).read_or(compute), LABELS)


def test_processes_wait_for_the_one_that_computes(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_slowly, args=(tmp_path,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert (tmp_path / "computed").read_text() == "once "
