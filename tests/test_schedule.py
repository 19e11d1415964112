import math

import pytest
import torch

from vtagml.schedule import WarmupCosine


def rates(steps: int, **settings: float) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = WarmupCosine(optimizer, steps, **settings)
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
