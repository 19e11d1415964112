"""TorchJD's aggregation of a Jacobian is ours of the fork's Gram matrix; none of it breaks it."""

import logging
import math
from collections.abc import Callable, Iterator

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torchjd.aggregation import (
    IMTLG,
    MGDA,
    AlignedMTL,
    CAGrad,
    ConFIG,
    DualProj,
    FairGrad,
    GradVac,
    NashMTL,
    PCGrad,
    Random,
    UPGrad,
    WeightedAggregator,
)

from tests.affinity.forked import TASKS, Net, batch, taken
from vtagml.affinity import Gram, GramianWeighting, elementwise
from vtagml.affinity.gram import inner_products
from vtagml.affinity.gramian_weighting import drawn
from vtagml.affinity.weighting import SMALLEST

NAMES = [f"task {number}" for number in range(TASKS)]
AGGREGATORS: dict[str, Callable[[], WeightedAggregator]] = {
    "upgrad": UPGrad,
    "dual_proj": DualProj,
    "mgda": MGDA,
    "cagrad": lambda: CAGrad(0.4),
    "pcgrad": PCGrad,
    "aligned_mtl": AlignedMTL,
    "imtl_g": IMTLG,
    "fair_grad": lambda: FairGrad(1.0),
    "nash_mtl": lambda: NashMTL(TASKS),
}
every_aggregator = pytest.mark.parametrize("make", AGGREGATORS.values(), ids=AGGREGATORS)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.WARNING)  # of gradients that are not usable
    yield
    logging.disable(logging.NOTSET)


def gram_of(*gradients: list[float]) -> Gram:
    """Of one image."""
    rows = torch.tensor(gradients, dtype=torch.float64)[:, None]
    return Gram.of(inner_products(rows, elementwise))


def jacobian(net: Net, image: Tensor, target: Tensor) -> Tensor:
    """Of the losses with respect to what the tasks share, a backward per task."""
    shared = net.shared(image).detach().requires_grad_()
    losses = net.losses(shared.unsqueeze(0).expand(TASKS, *shared.shape), target)
    rows = [torch.autograd.grad(loss, shared, retain_graph=True)[0] for loss in losses]
    return torch.stack(rows).flatten(1)


def direction(vector: Tensor) -> Tensor:
    return vector / vector.norm()


def conflicting() -> tuple[Net, list[tuple[Tensor, Tensor]]]:
    torch.manual_seed(3)
    return Net().double(), [batch(images=1) for _ in range(2)]


@pytest.mark.filterwarnings("ignore:You are solving a parameterized problem")  # of cvxpy, NashMTL
@every_aggregator
def test_the_direction_of_the_gradient_is_torchjds(make: Callable[[], WeightedAggregator]) -> None:
    net, batches = conflicting()
    affinity = GramianWeighting(NAMES, make())
    # In the second step the weights of the first are in the gradients that the fork sees.
    for image, target in batches:
        losses = torch.stack(net.losses(net.fork(net.shared(image)), target))
        (affinity.loss_weights * losses).sum().backward()
        affinity.observe(taken(net.fork))
        rows = jacobian(net, image, target)
        cosines = torch.nn.functional.cosine_similarity(rows[:, None], rows[None], dim=-1)
        assert (cosines < 0).any()  # else there would be nothing to resolve
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(drawn(0, int(affinity.steps)))
            expected = make()(rows)
        found = affinity.loss_weights @ rows
        torch.testing.assert_close(direction(found), direction(expected), rtol=1e-8, atol=1e-8)
        assert affinity.loss_weights.mean().item() == pytest.approx(1.0)


def test_random_weights_are_keyed_by_seed_and_step_and_leave_training_s_alone() -> None:
    def weights(seed: int, steps: int) -> list[float]:
        affinity = GramianWeighting(NAMES, Random(), seed)
        for _ in range(steps):
            affinity.observe(gram_of([1, 0], [0, 1], [1, 1]))
        return affinity.loss_weights.tolist()

    state = torch.get_rng_state()
    assert weights(0, 1) == weights(0, 1)
    assert torch.equal(torch.get_rng_state(), state)
    assert weights(0, 1) != weights(0, 2)
    assert weights(0, 1) != weights(1, 1)


def test_sizes_of_losses_do_not_matter_to_what_is_blind_to_them() -> None:
    """UPGrad's own limit under which gradients are none would make the small ones uniform."""
    weights = []
    for size in (1.0, 1e-8):
        affinity = GramianWeighting(NAMES, UPGrad())
        affinity.observe(gram_of([size, 0], [-size, size], [0, 2 * size]))
        weights.append(affinity.loss_weights)
    torch.testing.assert_close(*weights, rtol=1e-12, atol=0)
    assert weights[0].std() > 0.01


def test_what_would_be_zero_or_negative_is_small_and_comes_back() -> None:
    affinity = GramianWeighting(["short", "long"], MGDA())
    affinity.observe(gram_of([1, 0], [10, 0]))
    small, large = SMALLEST, 2.0  # of the mean of 0 and 2, then of mean one again
    expected = torch.tensor([large, small], dtype=torch.float64)
    torch.testing.assert_close(affinity.loss_weights, expected / expected.mean())
    short, long = affinity.loss_weights.tolist()
    affinity.observe(gram_of([10 * short, 0], [1 * long, 0]))
    torch.testing.assert_close(affinity.loss_weights, expected.flip(0) / expected.mean())
    negative = gram_of([1, 0, 0], [1, 0.1, 0], [1, -0.5, 0.1])
    assert (IMTLG().gramian_weighting(negative.dots) < 0).any()
    affinity = GramianWeighting(NAMES, IMTLG())
    affinity.observe(negative)
    assert (affinity.loss_weights > 0).all()


def test_a_task_without_a_gradient_keeps_its_weight_and_counts_for_no_other() -> None:
    three, two = GramianWeighting(NAMES, UPGrad()), GramianWeighting(NAMES[:2], UPGrad())
    three.observe(gram_of([1, 0], [-0.5, 0.5], [0, 2]))
    kept = three.loss_weights[2].item()
    assert abs(kept - 1) > 0.01
    two.loss_weights.copy_(three.loss_weights[:2])
    three.observe(gram_of([1, 0], [-0.9, 0.1], [0, 0]))
    two.observe(gram_of([1, 0], [-0.9, 0.1]))
    assert three.loss_weights[2].item() == kept
    torch.testing.assert_close(three.loss_weights[:2], two.loss_weights)


def test_tasks_without_common_images_are_told_where_their_gradients_meet(
    caplog: pytest.LogCaptureFixture,
) -> None:
    logging.disable(logging.NOTSET)
    apart = Gram.of(torch.diag_embed(torch.eye(3, dtype=torch.float64)))  # an image of each task
    GramianWeighting(NAMES, UPGrad()).observe(apart)
    assert "never have labels on the same image. Such tasks are perpendicular" in caplog.text
    assert "`vtagml.callbacks.JacobianAggregation`" in caplog.text


DEGENERATE = {
    "nothing": [[0.0, 0.0], [0.0, 0.0], [0.0, 0.0]],
    "one alone": [[0.0, 0.0], [1.0, 2.0], [math.nan, 0.0]],
    "not finite": [[math.inf, 0.0], [1.0, 2.0], [-1.0, 2.0]],
    "equal": [[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]],
    "opposite": [[1.0, 2.0], [-1.0, -2.0], [1.0, 2.0]],
    "far apart": [[1e-12, 0.0], [1e12, 1e12], [0.0, 1.0]],
}


@every_aggregator
@pytest.mark.parametrize("gradients", DEGENERATE.values(), ids=DEGENERATE)
def test_degenerate_gradients_give_weights(
    make: Callable[[], WeightedAggregator], gradients: list[list[float]]
) -> None:
    affinity = GramianWeighting(NAMES, make())
    for _ in range(2):
        affinity.observe(gram_of(*gradients))
    assert affinity.weights.isfinite().all()
    assert (affinity.weights > 0).all()


VALUES = [0.0, 1e-45, 1e-30, 1e-8, 1.0, -3.0, 1e30, -1e30, 1e150, 1e200, math.nan, math.inf]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from(VALUES), min_size=2 * TASKS, max_size=2 * TASKS))
@example([1e200, 0.0, 1e200, 0.0, 1.0, 1.0])
@pytest.mark.parametrize("make", [UPGrad, MGDA, PCGrad, AlignedMTL, IMTLG])
def test_any_gradients_give_weights(
    make: Callable[[], WeightedAggregator], values: list[float]
) -> None:
    affinity = GramianWeighting(NAMES, make())
    rows = torch.tensor(values, dtype=torch.float64).reshape(TASKS, 1, 2)
    for gradient in (rows, rows.flip(0), rows):
        affinity.observe(Gram.of(inner_products(gradient, elementwise)))
        assert affinity.weights.isfinite().all()
        assert (affinity.weights > 0).all()


@pytest.mark.parametrize(
    ("aggregator", "hint"),
    [(ConFIG(), "ConFIG"), (GradVac(), "GradVac"), (nn.Linear(1, 1), "Linear")],
)
def test_what_needs_more_than_a_gram_matrix_is_refused(aggregator: nn.Module, hint: str) -> None:
    with pytest.raises(ValueError, match=rf"`aggregator` must be .* found {hint}.*callback"):
        GramianWeighting(NAMES, aggregator)
