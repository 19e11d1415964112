"""Checkpoints compared bit by bit."""

from pathlib import Path
from typing import Any

import torch

PLACES = ("dirpath", "best_model_path", "last_model_path")  # on this disk


def training_state(checkpoint: Path) -> dict[str, Any]:
    """All that a checkpoint holds but folders, seconds, and the progress bar of validations."""
    content = torch.load(checkpoint, weights_only=True)
    del content["loops"]["fit_loop"]["epoch_loop.val_loop.batch_progress"]
    for callback in content["callbacks"].values():
        for key in (*PLACES, "seconds"):
            callback.pop(key, None)
    return content


def last_state(folder: Path) -> dict[str, Any]:
    """The training state of a run's newest checkpoint, without Python's own random numbers.

    In tests beartype draws from them, to check one item of a list.
    """
    content = training_state(folder / "last.ckpt")
    for callback in content["callbacks"].values():
        for rank in callback.get("random_states", []):
            del rank["python"]
    return content


def assert_equal(found: Any, expected: Any, place: str = "") -> None:
    """Raises an error that names the first place where two states differ in a bit."""
    assert type(found) is type(expected), place
    if isinstance(expected, dict):
        assert found.keys() == expected.keys(), place
        for key, value in expected.items():
            assert_equal(found[key], value, f"{place}/{key}")
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected), place
        for index, value in enumerate(expected):
            assert_equal(found[index], value, f"{place}/{index}")
    elif isinstance(expected, torch.Tensor):
        assert found.dtype == expected.dtype, place
        assert found.numpy().tobytes() == expected.numpy().tobytes(), place
    else:
        assert found == expected, place
