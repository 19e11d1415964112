"""How a command reads an experiment's config without running it."""

from pathlib import Path

import pytest

from vtagml.commands.parse import resolved

SMALL = Path(__file__).parents[1] / "faults/small.yaml"


def test_a_checkpoint_that_is_still_to_come_is_not_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["lightning"])  # Lightning warns of words beside those given
    words = ["--config", str(SMALL), f"--trainer.default_root_dir={tmp_path}"]
    config = resolved([*words, f"--ckpt_path={tmp_path / 'later.ckpt'}"])
    assert config["ckpt_path"] is None
    assert config["trainer"]["default_root_dir"] == str(tmp_path)
    assert not list(tmp_path.iterdir())
