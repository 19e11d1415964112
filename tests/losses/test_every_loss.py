"""Properties that hold for every loss."""

from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from vtagml.losses import (
    UNKNOWN_CLASS,
    balanced_bce,
    cross_entropy,
    inverse_berhu,
    masked_l1,
    rotated_l1,
    weighted_bce,
)

CLASSES = 3


def positive(generator: torch.Generator, *size: int) -> Tensor:
    return torch.rand(size, generator=generator) + 0.5


def ids(generator: torch.Generator, batch: int, _: int, height: int, width: int) -> Tensor:
    return torch.randint(CLASSES, (batch, height, width), generator=generator)


def truths(generator: torch.Generator, *size: int) -> Tensor:
    return torch.randint(2, size, generator=generator).float()


def certain(target: Tensor) -> Tensor:
    return 1000 * (2 * target - 1)


class Case(NamedTuple):
    loss: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
    channels: int
    label: Callable[..., Tensor]
    unknown: float
    perfect: Callable[[Tensor], Tensor]


CASES = {
    "cross_entropy": Case(
        cross_entropy,
        CLASSES,
        ids,
        UNKNOWN_CLASS,
        # Scores so far apart that the softmax of the others underflows.
        lambda target: 1000 * torch.nn.functional.one_hot(target, CLASSES).movedim(-1, 1).float(),
    ),
    "masked_l1": Case(masked_l1, 3, positive, torch.nan, torch.clone),
    "rotated_l1": Case(rotated_l1, 1, positive, torch.nan, torch.clone),
    "inverse_berhu": Case(inverse_berhu, 1, positive, torch.nan, torch.reciprocal),
    "weighted_bce": Case(
        lambda map, target: weighted_bce(map, target, 0.9), 1, truths, torch.nan, certain
    ),
    "balanced_bce": Case(balanced_bce, 1, truths, torch.nan, certain),
}


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


def batch(case: Case, seed: int = 0, size: tuple[int, int] = (6, 7)) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    map = positive(generator, 2, case.channels, *size).requires_grad_()
    return map, case.label(generator, 2, case.channels, *size)


def hide(target: Tensor, unknown: float, mask: Tensor) -> Tensor:
    """The target with some pixels unknown; the mask is [batch, height, width]."""
    mask = mask if target.ndim == 3 else mask[:, None]
    return torch.where(mask, torch.tensor(unknown, dtype=target.dtype), target)


def test_perfect_prediction_costs_nothing(case: Case) -> None:
    _, target = batch(case)
    map = case.perfect(target).requires_grad_()
    total, count = case.loss(map, target)
    assert total == 0
    assert count > 0
    total.backward()
    assert map.grad is not None
    assert map.grad.isfinite().all()


def test_wrong_prediction_costs(case: Case) -> None:
    total, _ = case.loss(*batch(case))
    assert total > 0


def test_unknown_pixels_change_neither_value_nor_gradient(case: Case) -> None:
    map, target = batch(case)
    mask = torch.rand(2, 6, 7) < 0.4
    total, count = case.loss(map, hide(target, case.unknown, mask))
    total.backward()
    assert map.grad is not None
    assert map.grad.isfinite().all()
    assert map.grad.any()

    other = map.detach().clone()
    if case.loss is not rotated_l1:  # whose shifts use a prediction for its neighbours' targets
        other[mask[:, None].expand_as(other)] = 1e4
        assert not map.grad[mask[:, None].expand_as(other)].any()
    other.requires_grad_()
    again, same_count = case.loss(other, hide(target, case.unknown, mask))
    again.backward()
    assert again == total
    assert same_count == count
    torch.testing.assert_close(other.grad, map.grad)


def test_count_is_the_number_of_known_pixels(case: Case) -> None:
    map, target = batch(case)
    mask = torch.zeros(2, 6, 7, dtype=torch.bool)
    mask[0, 1:3, 2] = True
    total, all_of_them = case.loss(map, target)
    _, fewer = case.loss(map, hide(target, case.unknown, mask))
    assert all_of_them - fewer == 2
    assert all_of_them.dtype == total.dtype


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_float32(case: Case, dtype: torch.dtype) -> None:
    map, target = batch(case)
    half = map.detach().to(dtype).requires_grad_()
    total, count = case.loss(half, target)
    assert total.dtype == count.dtype == torch.float32
    assert total == case.loss(half.detach().float(), target)[0]
    total.backward()
    assert half.grad is not None
    assert half.grad.isfinite().all()


@settings(max_examples=15, deadline=None)
@given(
    name=st.sampled_from(list(CASES)),
    seed=st.integers(0, 1000),
    size=st.tuples(st.integers(3, 6), st.integers(3, 6)),
    share=st.floats(0, 1),
)
def test_the_loss_of_a_batch_is_the_sum_of_its_images(
    name: str, seed: int, size: tuple[int, int], share: float
) -> None:
    case = CASES[name]
    map, target = batch(case, seed, size)
    target = hide(target, case.unknown, torch.rand(2, *size) < share)
    together = torch.stack(case.loss(map, target))
    apart = [torch.stack(case.loss(map[i : i + 1], target[i : i + 1])) for i in range(2)]
    torch.testing.assert_close(together, apart[0] + apart[1])
