"""Each rank's generators are kept by all, and given back to the same rank."""

import random

import numpy as np
import pytest
import torch
import torch.distributed

from tests.fakes.ranks import Ranks
from vtagml.checkpoints.random_states import random_states, restore_random_states

CPU = torch.device("cpu")

pytestmark = pytest.mark.usefixtures("unchecked")


def draws() -> tuple[float, float, float]:
    return random.gauss(0, 1), float(np.random.standard_normal()), torch.rand(()).item()  # noqa: NPY002


def test_all_generators_go_back_to_where_they_were() -> None:
    draws()  # The second of each pair of Gaussian numbers is kept for the next call.
    states = random_states(CPU)
    expected = draws()
    assert all(one != other for one, other in zip(draws(), expected, strict=True))
    restore_random_states(states, 0, CPU)
    assert draws() == expected


def test_each_rank_gets_its_own_and_one_that_was_not_there_keeps_what_it_has() -> None:
    states, expected = [], []
    for _ in range(2):
        states += random_states(CPU)
        expected.append(draws())
    for rank in (0, 1):
        restore_random_states(states, rank, CPU)
        assert draws() == expected[rank]
    restore_random_states(states, 0, CPU)
    restore_random_states(states, 2, CPU)
    assert draws() == expected[0]


def test_every_rank_keeps_the_states_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    # The generators of threads are the same: a rank's number stands for the state of one.
    monkeypatch.setattr(torch, "get_rng_state", lambda: torch.distributed.get_rank())
    found = Ranks(2).run(lambda rank: random_states(CPU))
    assert [[state["torch"] for state in own] for own in found] == [[0, 1]] * 2
