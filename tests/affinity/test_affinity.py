import copy
import io
import logging
import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from tests.fakes.ranks import Ranks
from vtagml.affinity import (
    TAWT,
    TROA,
    Affinity,
    Fixed,
    Fork,
    Gram,
    Identity,
    PrintedTROA,
    Shuffled,
    Uniform,
    elementwise,
)
from vtagml.affinity.affinity import HORIZON
from vtagml.affinity.gram import inner_products

TASKS = ["segmentation", "depth", "normals", "edges"]
COUNT = len(TASKS)
SIBLINGS: list[Callable[[], Affinity]] = [
    lambda: Uniform(TASKS),
    lambda: Identity(TASKS),
    lambda: TROA(TASKS, start=2, every=3),
    lambda: PrintedTROA(TASKS, start=2, every=3),
    lambda: TAWT(TASKS, start=2, every=3),
    lambda: Shuffled(TASKS, start=2, every=3),
    lambda: Fixed(TASKS, [[0.1, 0.2, 0.3, 0.4]] * COUNT),
]
all_siblings = pytest.mark.parametrize("make", SIBLINGS)


def gram_with(cosines: Tensor) -> Gram:
    """A Gram of unit gradients with these cosines; NaN is a pair without a common image."""
    seen = ~cosines.isnan()
    return Gram(cosines.nan_to_num(0.0).double(), seen.double())


def random_gram(generator: torch.Generator, tasks: int = COUNT) -> Gram:
    gradient = torch.randn(tasks, 3, 8, generator=generator, dtype=torch.float64)
    return Gram.of(inner_products(gradient + gradient[:1], elementwise))


def similarities(*rows: tuple[float, ...]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


def test_similarity_is_the_bias_corrected_exponential_mean_of_the_cosines() -> None:
    affinity = Uniform(["a", "b"])
    values = [0.5, -0.2, 0.9]
    for value in values:
        affinity.observe(gram_with(similarities((1, value), (value, 1))))
    keep = 1 - 1 / HORIZON
    weights = [keep**2, keep, 1.0]
    expected = sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)
    assert affinity.similarity[0, 1].item() == pytest.approx(expected, abs=1e-14)
    assert affinity.steps.item() == 3


def test_the_first_observation_counts_fully() -> None:
    affinity = Uniform(["a", "b"])
    affinity.observe(gram_with(similarities((1, 0.3), (0.3, 1))))
    torch.testing.assert_close(affinity.similarity, similarities((1, 0.3), (0.3, 1)))


def test_a_pair_without_gradient_keeps_its_similarity_and_is_counted() -> None:
    affinity = Uniform(["a", "b"])
    affinity.observe(gram_with(similarities((1, 0.3), (0.3, 1))))
    affinity.observe(gram_with(similarities((0.5, math.nan), (math.nan, 0.5))))
    assert affinity.similarity[0, 1].item() == pytest.approx(0.3, abs=1e-15)
    assert affinity.similarity[0, 0].item() < 1
    assert affinity.skipped.tolist() == [[0, 1], [1, 0]]
    assert affinity.observations.tolist() == [[2, 1], [1, 2]]


def test_skipped_pairs_are_logged_by_name_the_first_and_tenth_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    affinity = Uniform(["depth", "edges"])
    absent = gram_with(similarities((1, math.nan), (math.nan, 1)))
    with caplog.at_level(logging.WARNING):
        for _ in range(12):
            affinity.observe(absent)
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert "depth-edges (1)" in caplog.text
    assert "depth-edges (10)" in caplog.text
    assert "depth-depth" not in caplog.text


def test_the_first_rank_alone_logs_what_all_know(caplog: pytest.LogCaptureFixture) -> None:
    absent = gram_with(similarities((1, math.nan), (math.nan, 1)))
    with caplog.at_level(logging.WARNING):
        Ranks(2).run(lambda rank: Uniform(["depth", "edges"]).observe(absent))
    assert len(caplog.records) == 1


def test_nothing_is_logged_while_all_pairs_are_seen(caplog: pytest.LogCaptureFixture) -> None:
    Uniform(["a", "b"]).observe(gram_with(similarities((1, 0.3), (0.3, 1))))
    assert not caplog.records


@all_siblings
def test_rows_of_omega_sum_to_one_and_weights_are_its_column_sums(
    make: Callable[[], Affinity],
) -> None:
    affinity = make()
    generator = torch.manual_seed(0)
    for _ in range(7):
        affinity.observe(random_gram(generator))
    omega = affinity.omega
    assert omega.dtype == torch.float32
    torch.testing.assert_close(omega.sum(1), torch.ones(COUNT))
    if not isinstance(affinity, Shuffled):  # its weights are those of what it shuffles
        torch.testing.assert_close(affinity.weights, omega.sum(0))
    assert affinity.weights.mean().item() == pytest.approx(1)
    assert not omega.requires_grad


# From the smallest to the largest magnitudes of float32 that matter, and what is no number.
EXTREMES = [0.0, 1e-45, 1e-30, 1e-3, 1.0, -1.0, 1e3, -1e30, 1e30, math.nan, math.inf, -math.inf]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.sampled_from(EXTREMES), min_size=4 * 8, max_size=4 * 8),
    st.sampled_from([TROA, PrintedTROA, Shuffled]),
    st.sampled_from([0.0, 1e-6, 0.3, 1.0]),
    st.sampled_from([1e-3, 1.0, 1e3]),
)
def test_omega_stays_on_the_simplex_and_similarity_bounded_for_any_gradient(
    values: list[float], sibling: type[TROA], rho: float, kappa: float
) -> None:
    affinity = sibling(TASKS, kappa=kappa, rho=rho, start=0, every=1)
    gradient = torch.tensor(values).reshape(4, 4, 2)
    # Four micro-batches of one image, in one step and in four.
    parts = [Gram.of(inner_products(gradient[:, i : i + 1], elementwise)) for i in range(4)]
    for gram in [*parts, parts[0] + parts[1] + parts[2] + parts[3]] * 5:
        affinity.observe(gram)
    assert affinity.similarity.abs().max() <= 1
    assert (affinity.omega >= 0).all()
    torch.testing.assert_close(affinity.omega.sum(1), torch.ones(COUNT))


@all_siblings
def test_resumed_from_its_state_dict_it_goes_on_bit_by_bit(make: Callable[[], Affinity]) -> None:
    generator = torch.manual_seed(0)
    grams = [random_gram(generator) for _ in range(11)]
    whole, first, second = make(), make(), make()
    for gram in grams:
        whole.observe(gram)
    for gram in grams[:4]:
        first.observe(gram)
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    second.load_state_dict(torch.load(file, weights_only=True))
    for gram in grams[4:]:
        second.observe(gram)
    # The buffers, not what was saved of them: what is left out of the file would go unnoticed.
    resumed = dict(second.named_buffers())
    for name, value in whole.named_buffers():
        assert torch.equal(value, resumed[name]), name
    assert torch.equal(whole.omega, second.omega)


@all_siblings
def test_the_state_stays_float64_when_the_network_is_cast(make: Callable[[], Affinity]) -> None:
    affinity = make()
    affinity.observe(random_gram(torch.manual_seed(0)))
    before = copy.deepcopy(affinity.state_dict())
    nn.Sequential(affinity).bfloat16()
    for name, value in affinity.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert affinity.omega.dtype == torch.float32


@all_siblings
def test_the_state_follows_the_network_to_its_device(make: Callable[[], Affinity]) -> None:
    affinity = make()
    nn.Sequential(affinity).to("meta")
    assert {buffer.device.type for buffer in affinity.buffers()} == {"meta"}
    assert affinity.omega.device.type == "meta"


def test_an_affinity_takes_what_it_observes_to_its_device() -> None:
    affinity, gram = Uniform(TASKS), random_gram(torch.manual_seed(0))
    affinity.observe(gram)
    nn.Sequential(affinity).to("meta")
    affinity.observe(gram)
    assert affinity.last_cosines.device.type == "meta"


def test_permuting_the_tasks_permutes_similarity_and_omega() -> None:
    order = [2, 0, 3, 1]
    affinity = TROA(TASKS, start=0, every=2)
    permuted = TROA([TASKS[i] for i in order], start=0, every=2)
    generator = torch.manual_seed(0)
    for _ in range(6):
        gram = random_gram(generator)
        affinity.observe(gram)
        permuted.observe(Gram(gram.dots[order][:, order], gram.norms[order][:, order]))
    torch.testing.assert_close(permuted.similarity, affinity.similarity[order][:, order])
    torch.testing.assert_close(permuted.omega, affinity.omega[order][:, order])


def test_a_gram_of_other_tasks_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`gram` must be of the 2 tasks .* found one of 3"):
        Uniform(["a", "b"]).observe(Gram.of(torch.empty(0, 3, 3, dtype=torch.float64)))


@pytest.mark.parametrize("tasks", [[], ["a", "a"], "ab"])
def test_task_names_must_be_a_list_without_repetition(tasks: list[str]) -> None:
    with pytest.raises(ValueError, match="`tasks` must be a list of different task names"):
        Uniform(tasks)


def test_uniform_and_identity() -> None:
    torch.testing.assert_close(Uniform(["a", "b"]).omega, torch.full((2, 2), 0.5))
    assert torch.equal(Identity(["a", "b"]).omega, torch.eye(2))


def test_planted_affinity_is_ranked_as_planted() -> None:
    """A copy of a task is its nearest, pure noise is far from all, averaged over many steps."""
    torch.manual_seed(0)
    names = ["depth", "copy", "other", "noise"]
    trunk = nn.Sequential(nn.Linear(8, 24), nn.Tanh())
    fork, affinity = Fork(4), TROA(names, start=60, every=10)
    decoders = nn.ModuleList(
        nn.Sequential(nn.Linear(24, 16), nn.Tanh(), nn.Linear(16, 1)) for _ in names
    )
    optimiser = torch.optim.Adam([*trunk.parameters(), *decoders.parameters()], lr=5e-3)
    mean, observed = torch.zeros(4, 4, dtype=torch.float64), 0
    for step in range(300):
        x = torch.randn(32, 8)
        depth, other = (x[:, :1] * x[:, 1:2]), (x[:, 2:3] * x[:, 3:4])
        targets = [depth, 2 * depth + 1, other, torch.randn(32, 1)]
        streams = fork(trunk(x))
        losses = [
            (d(s) - t).square().mean() for d, s, t in zip(decoders, streams, targets, strict=True)
        ]
        optimiser.zero_grad()
        torch.stack(losses).sum().backward()
        optimiser.step()
        gram = fork.take()
        assert gram is not None
        affinity.observe(gram)
        if step >= 60:
            mean, observed = mean + gram.cosines(), observed + 1
    mean /= observed
    to_depth = mean[0]
    assert to_depth[1] > 2 * to_depth[2].abs()
    assert to_depth[1] > 2 * to_depth[3].abs()
    assert mean[3, :3].abs().max() < 0.05
    omega = affinity.omega
    assert omega[0, 1] > omega[0, 2]
    assert omega[0, 1] > omega[0, 3]
    assert omega[1, 0] > omega[1, 3]
