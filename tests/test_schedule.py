import math

import pytest
import torch
from torch.optim.lr_scheduler import LRScheduler

from vtagml.schedule import LinearDecay, WarmupCosine


def rates(steps: int, kind: type[LRScheduler] = WarmupCosine, **settings: float) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = kind(optimizer, steps, **settings)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


def test_rises_linearly_then_falls_along_half_a_cosine() -> None:
    found = rates(10, warmup=0.2)
    # Two rising steps: 1/2 and 2/2; then 8 steps of (1 + cos(π i / 8)) / 2 for i = 0 … 7.
    expected = [0.5, 1.0, *((1 + math.cos(math.pi * i / 8)) / 2 for i in range(8))]
    assert found == pytest.approx(expected)


def test_final_share_is_approached_and_never_undercut() -> None:
    found = rates(200, warmup=0.0, final=0.1)
    assert found[0] == 1.0
    assert min(found) == pytest.approx(0.1, abs=1e-3)


def test_zero_steps_are_no_division_by_zero() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    assert WarmupCosine(optimizer, 0).get_last_lr() == [1.0]


@pytest.mark.parametrize("warmup", [-0.1, 1.0])
def test_warmup_outside_its_range_is_named(warmup: float) -> None:
    with pytest.raises(ValueError, match="`warmup` must be a share"):
        rates(10, warmup=warmup)


def test_linear_decay_falls_by_the_same_each_step() -> None:
    assert rates(5, LinearDecay) == pytest.approx([1.0, 0.8, 0.6, 0.4, 0.2])
    assert rates(4, LinearDecay, final=0.2) == pytest.approx([1.0, 0.8, 0.6, 0.4])


def test_linear_decay_stays_at_its_end_and_survives_zero_steps() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    assert LinearDecay(optimizer, 0).get_last_lr() == [1.0]
    schedule = LinearDecay(optimizer, 2, final=0.1)
    for _ in range(4):
        optimizer.step()
        schedule.step()
    assert schedule.get_last_lr() == pytest.approx([0.1])


@pytest.mark.parametrize("final", [-0.1, 1.1])
def test_linear_decay_rejects(final: float) -> None:
    with pytest.raises(ValueError, match="`final` must be a share"):
        rates(10, LinearDecay, final=final)
