"""S finds planted relations: a small network, the real fork and the real affinity."""

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import nn

from datamodules import Planted
from vtagml.affinity import TROA, Fork

TASKS = list(Planted.offers)
STEPS, SIDE = 120, 6


def learned(width: int = 12) -> TROA:
    """The affinity of a trunk, one layer behind the fork and a linear head per task."""
    torch.manual_seed(0)
    data = Planted((SIDE, SIDE), train=64, val=1, test=1, batch_size=8, workers=0)
    data.setup("fit")
    trunk, behind = nn.Linear(3, width), nn.Linear(width, width)
    heads = nn.ModuleList(nn.Linear(width, 1) for _ in TASKS)
    fork, affinity = Fork(len(TASKS)), TROA(TASKS, start=50)
    network = nn.ModuleList([trunk, behind, heads])
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    batches = list(data.train_dataloader())
    for step in range(STEPS):
        batch = batches[step % len(batches)]
        colours = batch["image"].movedim(1, -1).flatten(1, 2) / 127.5 - 1
        streams = behind(fork(trunk(colours).tanh()))
        losses = [
            (head(stream)[..., 0] - batch[task].flatten(1)).square().mean()
            for head, stream, task in zip(heads, streams, TASKS, strict=True)
        ]
        optimizer.zero_grad()
        torch.stack(losses).sum().backward()
        gram = fork.take()
        assert gram is not None
        affinity.observe(gram)
        optimizer.step()
    return affinity


@pytest.fixture(scope="module")
def found() -> TROA:
    return learned()


def test_similarities_are_in_the_order_of_the_planted_relations(found: TROA) -> None:
    planted = np.array(Planted.relations()["similarity"])
    pairs = np.triu_indices(len(TASKS), 1)
    # Twelve pairs are equally unrelated, whose order is chance: 0.96 is the most there can be.
    assert spearmanr(planted[pairs], found.similarity.numpy()[pairs]).statistic > 0.85


def test_what_shares_more_with_base_is_nearer_to_it(found: TROA) -> None:
    row = dict(zip(TASKS, found.similarity[TASKS.index("base")].tolist(), strict=True))
    assert row["copy"] > 0.8  # its sign is turned, and its scale and offset are others
    order = ["copy", "share90", "share75", "share50", "share25", "apart"]
    assert sorted(order, key=row.__getitem__, reverse=True) == order
    assert abs(row["apart"]) < 0.1
    assert abs(row["noise"]) < 0.1


def test_omega_of_base_prefers_its_copy_and_noise_keeps_to_itself(found: TROA) -> None:
    omega = found.affinities()
    base, copy, noise = (TASKS.index(name) for name in ("base", "copy", "noise"))
    others = [index for index in range(len(TASKS)) if index not in (base, copy)]
    assert (omega[base, copy] > omega[base, others]).all()
    assert omega[noise].argmax() == noise
