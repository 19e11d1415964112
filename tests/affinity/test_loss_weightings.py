"""Weights from the losses: worked by hand, and beside TorchJD's own of the same methods."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torchjd import scalarization

from vtagml.affinity import DWA, FAMO, GLS, Affinity, GradNorm, Gram, elementwise
from vtagml.affinity.gram import inner_products
from vtagml.affinity.weighting import SMALLEST

NAMES = ["a", "b", "c"]


def losses(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def gradients(*lengths: float) -> Gram:
    """Orthogonal gradients of these lengths, of one image."""
    return Gram.of(inner_products(torch.diag(losses(*lengths))[:, None], elementwise))


def falling(steps: int) -> list[Tensor]:
    generator = torch.manual_seed(0)
    return [
        (0.5 + torch.rand(3, generator=generator, dtype=torch.float64)) * 0.9**step
        for step in range(steps)
    ]


def test_gls_is_the_gradient_of_the_geometric_mean() -> None:
    affinity = GLS(NAMES)
    values = losses(2.0, 4.0, 27.0).requires_grad_()
    (expected,) = torch.autograd.grad(scalarization.GeometricMean()(values), values)
    affinity.see(0, values.detach())
    # (2·4·27)^{1/3} = 6, by three times each loss.
    torch.testing.assert_close(affinity.loss_weights, losses(1, 1 / 2, 2 / 27))
    torch.testing.assert_close(affinity.loss_weights, expected, rtol=1e-12, atol=0)


def test_gls_of_the_tasks_that_have_labels() -> None:
    affinity = GLS(NAMES)
    affinity.see(0, losses(2.0, 0.0, 8.0))
    torch.testing.assert_close(affinity.loss_weights, losses(1, 1, 1 / 4))  # of 4, by two losses


def test_dwa_is_torchjds() -> None:
    affinity, reference = DWA(NAMES, temperature=2.0, every=3), scalarization.DWA(2.0)
    for step, values in enumerate(falling(11)):
        if step and step % 3 == 0:
            reference.step()
        leaf = values.clone().requires_grad_()
        (expected,) = torch.autograd.grad(reference(leaf), leaf)
        affinity.see(step, values)
        torch.testing.assert_close(affinity.loss_weights, expected, rtol=1e-12, atol=0)
    assert affinity.loss_weights.std() > 1e-3


def test_dwa_windows_are_of_steps_however_many_batches_they_have() -> None:
    affinity = DWA(["a", "b"], every=2)
    for step, (first, second) in enumerate([(4, 1), (4, 1), (2, 1), (2, 1), (9, 9)]):
        for factor in (0.5, 1.5):  # two batches, of this mean
            affinity.see(step, losses(first * factor, second * factor))
    # a fell to a half, b not at all.
    rates = [math.exp(0.5 / 2), math.exp(1.0 / 2)]
    expected = losses(*(2 * each / sum(rates) for each in rates))
    torch.testing.assert_close(affinity.loss_weights, expected)


def test_dwa_is_neutral_to_a_task_that_it_has_not_seen_twice() -> None:
    affinity = DWA(["a", "b"], every=1)
    for step, b in enumerate((0.0, 0.0, 5.0)):
        affinity.see(step, losses(2.0, b))
    torch.testing.assert_close(affinity.loss_weights, losses(1, 1))


def test_dwa_remembers_a_task_over_a_window_without_a_label() -> None:
    affinity = DWA(["a", "b"], every=1)
    for step, b in enumerate((4.0, 2.0, 0.0, 0.0)):
        affinity.see(step, losses(1.0, b))
    rates = [math.exp(1.0 / 2), math.exp(0.5 / 2)]
    expected = losses(*(2 * each / sum(rates) for each in rates))
    torch.testing.assert_close(affinity.loss_weights, expected)


def test_famo_is_torchjds_where_the_next_batch_is_the_same() -> None:
    affinity = FAMO(NAMES, rate=0.1, decay=1e-2)
    # Its bound takes away what it adds to a loss, so that both have the same logarithms.
    bound = torch.full((3,), 1e-8, dtype=torch.float64)
    reference = scalarization.FAMO(3, bound, lr=0.1, weight_decay=1e-2).double()
    for step, values in enumerate(falling(12)):
        if step:
            reference.update(values)
        leaf = values.clone().requires_grad_()
        (expected,) = torch.autograd.grad(reference(leaf), leaf)
        affinity.see(step, values)
        torch.testing.assert_close(affinity.loss_weights, 3 * expected, rtol=1e-10, atol=0)
    assert affinity.logits.std() > 0.05


def test_famo_by_hand() -> None:
    affinity = FAMO(["a", "b"], decay=0.0)
    affinity.see(0, losses(1.0, 3.0))
    # z is 1/2 each; by the losses 1 and 1/3, to the mean one.
    torch.testing.assert_close(affinity.loss_weights, losses(1.5, 0.5))
    affinity.see(1, losses(0.5, 3.0))
    # a fell alone: its logit falls by the rate, whatever the size, in Adam's first step.
    torch.testing.assert_close(affinity.logits, losses(-0.025, 0.025), rtol=1e-6, atol=0)
    shares = [math.exp(-0.025) / 0.5, math.exp(0.025) / 3.0]
    expected = losses(*(2 * each / sum(shares) for each in shares))
    torch.testing.assert_close(affinity.loss_weights, expected, rtol=1e-6, atol=0)


def test_famo_looks_at_a_steps_first_batch() -> None:
    once, twice = FAMO(NAMES), FAMO(NAMES)
    for step, values in enumerate(falling(4)):
        once.see(step, values)
        twice.see(step, values)
        twice.see(step, 7 * values.flip(0))
        assert torch.equal(once.loss_weights, twice.loss_weights)


def test_famo_goes_on_from_the_last_loss_that_a_task_had() -> None:
    affinity = FAMO(["a", "b"], decay=0.0)
    for step, b in enumerate((3.0, 0.0, 1.0)):
        affinity.see(step, losses(1.0, b))
    assert affinity.updates == 2
    assert affinity.before.tolist() == [1.0, 1.0]
    assert affinity.logits[1] < 0 < affinity.logits[0]


def test_grad_norm_descends_its_equation() -> None:
    affinity = GradNorm(NAMES, alpha=1.5, rate=0.1)
    before = losses(0.5, 1.5, 1.0)
    affinity.loss_weights.copy_(before)
    affinity.see(0, losses(4.0, 2.0, 1.0))
    affinity.see(1, losses(2.0, 1.8, 0.2))
    lengths = losses(3.0, 1.0, 2.0)  # of the losses' own gradients
    affinity.observe(gradients(*(before * lengths)))

    weights = before.clone().requires_grad_()
    ratio = losses(0.5, 0.9, 0.2)
    weighted = weights * lengths
    target = (weighted.mean() * (ratio / ratio.mean()) ** 1.5).detach()
    loss = (weighted - target).abs().sum() / weighted.mean().detach()
    moved = before - 0.1 * torch.autograd.grad(loss, weights)[0]
    torch.testing.assert_close(affinity.loss_weights, moved / moved.mean(), rtol=1e-12, atol=0)


def test_grad_norm_by_hand() -> None:
    affinity = GradNorm(["a", "b"], alpha=1.0, rate=0.01)
    affinity.see(0, losses(5.0, 7.0))
    affinity.observe(gradients(3.0, 1.0))
    # Both losses are where they started: lengths are to be 2 each, 3/2 and 1/2 of it now.
    moved = losses(1 - 0.01 * 3 / 2, 1 + 0.01 * 1 / 2)
    torch.testing.assert_close(affinity.loss_weights, moved / moved.mean())


def test_grad_norm_leaves_tasks_without_a_gradient_or_a_loss_alone() -> None:
    affinity = GradNorm(NAMES, rate=0.5)
    affinity.see(0, losses(1.0, 1.0, 0.0))
    affinity.observe(gradients(0.0, 2.0, 3.0))
    torch.testing.assert_close(affinity.loss_weights, losses(1, 1, 1))


def test_grad_norm_s_weights_stay_positive() -> None:
    affinity = GradNorm(["a", "b"], rate=100.0)
    affinity.see(0, losses(1.0, 1.0))
    affinity.observe(gradients(3.0, 1.0))
    small = losses(SMALLEST, 51.0)
    torch.testing.assert_close(affinity.loss_weights, small / small.mean())


SIBLINGS: list[Callable[[], Affinity]] = [
    lambda: GLS(NAMES),
    lambda: DWA(NAMES, every=1),
    lambda: FAMO(NAMES),
    lambda: GradNorm(NAMES),
]
VALUES = [0.0, 5e-324, 1e-45, 1e-30, 1e-3, 1.0, 1e3, 1e30, 1e300, -1.0, math.nan, math.inf]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from(VALUES), min_size=12, max_size=12))
@pytest.mark.parametrize("make", SIBLINGS)
def test_any_losses_give_weights(make: Callable[[], Affinity], values: list[float]) -> None:
    affinity = make()
    for step, row in enumerate(losses(*values).reshape(4, 3)):
        affinity.see(step, row)
        assert affinity.weights.isfinite().all()
        affinity.observe(gradients(*row.flip(0)))
        assert affinity.weights.isfinite().all()
        assert (affinity.weights >= 0).all()


@pytest.mark.parametrize(
    ("make", "argument"),
    [
        (lambda: DWA(NAMES, temperature=0.0), "temperature"),
        (lambda: DWA(NAMES, every=0), "every"),
        (lambda: FAMO(NAMES, rate=-1.0), "rate"),
        (lambda: GradNorm(NAMES, rate=0.0), "rate"),
    ],
)
def test_settings_that_make_no_sense_are_named(make: Callable[[], Affinity], argument: str) -> None:
    with pytest.raises(ValueError, match=f"`{argument}`.*found"):
        make()
