"""What a checkpoint of anybody may say about files."""

from pathlib import Path

import pytest

from vtagml.checkpoints import RunCheckpoint


@pytest.mark.parametrize("last", ["{}/thesis.tex", "{}/run/../thesis.tex", "thesis.tex"])
def test_checkpoint_names_no_file_outside_its_folder_to_be_removed(
    tmp_path: Path, last: str
) -> None:
    folder = tmp_path / "run"
    state = RunCheckpoint(str(folder)).state_dict()
    kept = RunCheckpoint(str(folder))
    kept.load_state_dict(state | {"last_model_path": str(folder / "step=4.ckpt")})
    assert kept.last_model_path == str(folder / "step=4.ckpt")
    hostile = RunCheckpoint(str(folder))
    hostile.load_state_dict(state | {"last_model_path": last.format(tmp_path)})
    assert hostile.last_model_path == ""
