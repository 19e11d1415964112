import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from vtagml.losses import masked_l1, rotated_l1
from vtagml.losses.rotated_l1 import SHIFTS


def reference(prediction: np.ndarray, target: np.ndarray) -> tuple[float, int]:
    """The definition, pixel by pixel."""
    total, count = 0.0, 0
    batch, _, height, width = target.shape
    for image in range(batch):
        inside = [(y, x) for y in range(1, height - 1) for x in range(1, width - 1)]
        valid = [(y, x) for y, x in inside if np.isfinite(target[image, 0, y, x])]
        total += min(
            sum(abs(prediction[image, 0, y + i, x + j] - target[image, 0, y, x]) for y, x in valid)
            for i in (-1, 0, 1)
            for j in (-1, 0, 1)
        )
        count += len(valid)
    return total, count


def test_golden() -> None:
    # One interior pixel of 5; the prediction's pixel nearest to it, wherever it lies, is 4.5.
    prediction = torch.tensor([[9.0, 8, 7], [0, 0, 4.5], [3, 2, 1]])[None, None]
    target = torch.full((1, 1, 3, 3), 5.0)
    total, count = rotated_l1(prediction, target)
    assert (total.item(), count.item()) == (0.5, 1)


@pytest.mark.parametrize("shift", SHIFTS)
def test_a_copy_shifted_by_one_pixel_costs_nothing(shift: tuple[int, int]) -> None:
    target = torch.rand(2, 1, 6, 7)
    moved = target.roll((shift[0] - 1, shift[1] - 1), dims=(2, 3))
    total, count = rotated_l1(moved, target)
    assert (total.item(), count.item()) == (0, 2 * 4 * 5)
    if shift != (1, 1):
        assert masked_l1(moved, target)[0] > 0


def test_images_are_shifted_independently() -> None:
    target = torch.rand(2, 1, 6, 7)
    moved = torch.cat([target[:1].roll(1, dims=2), target[1:].roll(-1, dims=3)])
    assert rotated_l1(moved, target)[0] == 0


def test_a_copy_shifted_by_two_pixels_costs() -> None:
    target = torch.rand(1, 1, 9, 9)
    assert rotated_l1(target.roll(2, dims=3), target)[0] > 0


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), share=st.floats(0, 0.9))
def test_agrees_with_the_definition(seed: int, share: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    prediction = torch.rand(2, 1, 5, 4, generator=generator)
    target = torch.rand(2, 1, 5, 4, generator=generator)
    target[torch.rand(target.shape, generator=generator) < share] = torch.nan
    total, count = rotated_l1(prediction, target)
    expected_total, expected_count = reference(prediction.numpy(), target.numpy())
    assert total.item() == pytest.approx(expected_total, rel=1e-5)
    assert count == expected_count


def test_unknown_targets_hide_what_every_shift_shows_there() -> None:
    # The left half is unknown, so nothing left of column 2 (a shift of one) can matter.
    prediction, target = torch.rand(1, 1, 5, 8), torch.rand(1, 1, 5, 8)
    target[..., :4] = torch.nan
    changed = prediction.clone()
    changed[..., :3] = torch.nan
    total, _ = rotated_l1(prediction, target)
    assert rotated_l1(changed, target)[0] == total


def test_the_gradient_is_that_of_the_best_shift() -> None:
    target = torch.rand(1, 1, 5, 5, dtype=torch.float64)
    prediction = (target.roll(1, dims=2) + 0.01).requires_grad_()
    rotated_l1(prediction, target)[0].backward()
    expected = torch.zeros_like(target)
    expected[..., 2:5, 1:4] = 1  # the interior, one row further down, is too large everywhere
    assert prediction.grad is not None
    assert prediction.grad.equal(expected)
    assert torch.autograd.gradcheck(lambda map: rotated_l1(map, target)[0], prediction)


def test_the_outermost_ring_never_counts() -> None:
    target = torch.rand(1, 1, 4, 4)
    ring: Tensor = target.clone()
    ring[..., 0, :] = 100.0
    prediction = torch.rand(1, 1, 4, 4)
    assert rotated_l1(prediction, ring)[0] == rotated_l1(prediction, target)[0]


def test_an_image_without_interior_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"`target` must have at least 3 x 3 .* found 2 x 5"):
        rotated_l1(torch.rand(1, 1, 2, 5), torch.rand(1, 1, 2, 5))
