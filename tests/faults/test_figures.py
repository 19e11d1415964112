"""Figures that cannot be written cost themselves, not the run."""

import errno
from pathlib import Path

import pytest

from tests.faults.test_faults import FIT, LAST, step_of
from vtagml.callbacks import publish
from vtagml.cli import main

pytestmark = pytest.mark.usefixtures("own_folder")


def test_full_disk_under_the_figures_is_one_warning_of_each_kind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[str] = []

    def full(_: object, name: str, content: bytes) -> None:
        tried.append(name)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(publish, "keep", full)
    with pytest.warns(UserWarning, match="could not be made and the run goes on") as warned:
        main([*FIT, "--trainer.val_check_interval=4"])
    said = [str(each.message) for each in warned if "could not be made" in str(each.message)]
    # A heat map after the last step, then its final form: the first failure of each kind is said.
    assert len([name for name in tried if "affinity" in name]) > 1
    assert len(said) == len(set(said)) == 2
    assert all("No space left on device" in each for each in said)
    assert step_of(LAST) == 4
    assert Path("runs/small/config.yaml").is_file()
