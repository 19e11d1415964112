"""Runs to start from, without training any."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import lightning
import torch

from tests.fakes.holes import small_vtagml
from vtagml.checkpoints.reading import TASKS
from vtagml.module import MultitaskModule


def moved_vtagml() -> MultitaskModule:
    """The small network away from its start, as training leaves it; its affinity is asymmetric."""
    module = small_vtagml()
    random = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in module.network.parameters():
            if parameter.requires_grad:
                parameter += 0.05 * torch.randn(parameter.shape, generator=random)
        affinity = module.network.affinity
        rows = torch.rand(4, 4, generator=random, dtype=torch.float64)
        affinity.adopt(rows / rows.sum(1, keepdim=True))
        affinity.similarity.copy_(rows)
        affinity.observations.fill_(7)
        affinity.steps.fill_(7)
    return module


def save_run(
    module: MultitaskModule, folder: Path, names: Mapping[str, Sequence[str]] | None = None
) -> Path:
    """Writes the checkpoint that a run's folder would have; gives its place."""
    file = folder / "checkpoints" / "last.ckpt"
    file.parent.mkdir(parents=True)
    content: dict[str, Any] = {
        "state_dict": module.state_dict(),
        "class_names": dict(names or {}),
        TASKS: module.task_names,
        "pytorch-lightning_version": lightning.__version__,
        "callbacks": {},
        "epoch": 0,
        "global_step": 0,
    }
    torch.save(content, file)
    return file
