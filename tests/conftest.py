"""Seeds for every test, one thread, nothing online."""

import os

os.environ.setdefault("WANDB_MODE", "offline")

import pytest
import torch
from lightning import seed_everything

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _seed() -> None:
    seed_everything(0, verbose=False)
