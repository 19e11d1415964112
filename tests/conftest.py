"""Seeds for every test, one thread, nothing online."""

import os

os.environ.setdefault("WANDB_MODE", "offline")

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from lightning import seed_everything

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _seed() -> None:
    seed_everything(0, verbose=False)


@pytest.fixture(scope="session")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A dataset's folder, as `lightning scenes` writes it; written when it is first asked for."""
    # Imported here: what this file imports goes unchecked by jaxtyping.
    from datamodules.writing import write_scenes

    folder = tmp_path_factory.mktemp("data")

    def written(dataset: str) -> Path:
        if not (folder / dataset).exists():
            write_scenes(dataset, folder / dataset, count=4, size=(48, 64), processes=0)
        return folder / dataset

    return written
