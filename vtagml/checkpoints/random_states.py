"""The states of all random number generators, so that a resumed run draws what it would have."""

import random
from typing import Any

import numpy as np
import torch
from torch import distributed


def random_states(device: torch.device) -> list[dict[str, Any]]:
    """Returns the states of every rank, rank after rank, as what a checkpoint may hold.

    That is numbers, text, tensors. All ranks have to ask at the same time.
    """
    version, numbers, gauss = random.getstate()
    # Our own code does not draw from NumPy's global generator; libraries may.
    kind, keys, position, has_gauss, cached = np.random.get_state(legacy=True)  # noqa: NPY002
    array = np.asarray(keys).tolist()
    mine = {
        "python": [version, list(numbers), gauss],
        "numpy": [str(kind), array, int(position), int(has_gauss), float(cached)],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
    }
    return of_all_ranks(mine)


def of_all_ranks(mine: Any) -> list[Any]:
    """Returns what every rank has, rank after rank. All ranks have to ask at the same time."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return [mine]
    everyone: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(everyone, mine)
    return everyone


def restore_random_states(states: list[dict[str, Any]], rank: int, device: torch.device) -> None:
    """Sets this rank's generators; a rank that was not there keeps those it has."""
    if rank >= len(states):
        return
    mine = states[rank]
    version, numbers, gauss = mine["python"]
    random.setstate((version, tuple(numbers), gauss))
    kind, keys, position, has_gauss, cached = mine["numpy"]
    np.random.set_state((kind, np.array(keys, np.uint32), position, has_gauss, cached))  # noqa: NPY002
    torch.set_rng_state(mine["torch"].cpu())
    if device.type == "cuda" and mine["cuda"] is not None:
        torch.cuda.set_rng_state(mine["cuda"].cpu(), device)
