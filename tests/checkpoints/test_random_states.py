"""Each rank's generators are kept by all, and given back to the same rank."""

import random

import numpy as np
import torch

from tests.fakes.ranks import Ranks
from vtagml.checkpoints.random_states import random_states, restore_random_states

CPU = torch.device("cpu")


def draws() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), torch.rand(()).item()  # noqa: NPY002


def test_all_generators_go_back_to_where_they_were() -> None:
    states = random_states(CPU)
    restore_random_states(states, 0, CPU)
    first = draws()
    assert draws() != first
    restore_random_states(states, 0, CPU)
    assert draws() == first


def test_every_rank_keeps_the_states_of_all() -> None:
    found = Ranks(2).run(lambda rank: random_states(CPU))
    assert [len(states) for states in found] == [2, 2]
