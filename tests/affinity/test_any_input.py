"""Whatever the gradients and the settings: ω is a distribution per task, S a cosine."""

import json
import logging
import math
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from vtagml.affinity import (
    TAWT,
    TROA,
    Affinity,
    Fixed,
    Gram,
    Identity,
    PrintedTROA,
    Shuffled,
    Uniform,
    elementwise,
)
from vtagml.affinity.gram import inner_products

MOST_TASKS = 17
IMAGES = 2
# Each image of each task has one of these in both of its channels, or the opposite in the second.
MAGNITUDES = [0.0, 1e-45, 1e-30, 1e-8, 1.0, -3.0, 1e8, 1e30, -1e30, math.nan, math.inf, -math.inf]
OF_FLOAT64 = [1e-320, 1e-200, 1e150, 1e200, 1.7e308]
SMALLEST, LARGEST = 5e-324, 1.7976931348623157e308


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> Iterator[None]:
    """Thousands of pairs without a usable gradient are each warned of."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


tasks = st.integers(1, MOST_TASKS)
shares = st.one_of(st.sampled_from([0.0, 5e-324, 1e-9, 1 - 1e-16, 1.0]), st.floats(0, 1))
steps = st.one_of(
    st.sampled_from([SMALLEST, 1e-3, 1.0, 1e3, LARGEST]), st.floats(SMALLEST, LARGEST)
)


@st.composite
def gradients(draw: Any, count: int) -> list[Tensor]:
    """Some steps of gradients [task, image, channel], in float32 and float64."""
    found = []
    for dtype in draw(st.lists(st.sampled_from([torch.float32, torch.float64]), max_size=4)):
        values = MAGNITUDES if dtype == torch.float32 else MAGNITUDES + OF_FLOAT64
        chosen = draw(
            st.lists(st.sampled_from(values), min_size=count * IMAGES, max_size=count * IMAGES)
        )
        signs = draw(st.lists(st.sampled_from([1.0, -1.0]), min_size=count, max_size=count))
        first = torch.tensor(chosen, dtype=dtype).reshape(count, IMAGES)
        found.append(torch.stack([first, first * torch.tensor(signs, dtype=dtype)[:, None]], 2))
    return found


def observed(affinity: Affinity, found: list[Tensor], times: int) -> None:
    for gradient in found * times:
        affinity.observe(Gram.of(inner_products(gradient, elementwise)))
        assert_sound(affinity)


def assert_sound(affinity: Affinity) -> None:
    count = len(affinity.tasks)
    assert affinity.similarity.abs().max() <= 1  # false for NaN, too
    torch.testing.assert_close(affinity.similarity, affinity.similarity.T, rtol=0, atol=1e-12)
    assert (affinity.omega >= 0).all()
    torch.testing.assert_close(affinity.omega.sum(1), torch.ones(count), rtol=0, atol=1e-6)
    torch.testing.assert_close(affinity.weights.sum(), torch.tensor(float(count)))
    counted = affinity.observations + affinity.skipped
    assert torch.equal(counted, affinity.steps.expand_as(counted))


@settings(max_examples=30, deadline=None)
@given(st.data(), tasks, steps, shares, st.integers(0, 3), st.integers(1, 3))
@example(None, 3, LARGEST, 0.0, 0, 1)
@pytest.mark.parametrize("sibling", [TROA, PrintedTROA, Shuffled])
def test_affinities_that_learn(
    sibling: type[TROA], data: Any, count: int, kappa: float, rho: float, start: int, every: int
) -> None:
    affinity = sibling(names(count), kappa=kappa, rho=rho, start=start, every=every)
    # The example: alike but for the sign, step after step with the largest κ and no pull.
    alike = [torch.tensor([[[1.0, 1.0]], [[1.0, 1.0]], [[-1.0, -1.0]]])] * 3
    observed(affinity, data.draw(gradients(count)) if data else alike, times=3)


@settings(max_examples=10, deadline=None)
@given(st.data(), tasks)
@pytest.mark.parametrize("sibling", [Uniform, Identity, TAWT])
def test_affinities_with_defaults(sibling: type[Affinity], data: Any, count: int) -> None:
    observed(sibling(names(count)), data.draw(gradients(count)), times=2)


@settings(max_examples=20, deadline=None)
@given(st.data(), tasks, steps, shares)
def test_affinities_that_start_from_another_run(
    data: Any, count: int, kappa: float, rho: float
) -> None:
    state = data.draw(states(count))
    with TemporaryDirectory() as folder:
        file = Path(folder) / "affinity.json"
        file.write_text(json.dumps(state))
        learning = TROA(names(count), kappa=kappa, rho=rho, start=0, every=1, initial=file)
        fixed = Fixed(names(count), file)
    for affinity in (learning, fixed):
        assert (affinity.omega >= 0).all()
        torch.testing.assert_close(
            affinity.omega.double(), torch.tensor(state["omega"]).double(), rtol=0, atol=1e-4
        )
    found = data.draw(gradients(count))
    for gradient in found * 2:
        learning.observe(Gram.of(inner_products(gradient, elementwise)))
        assert learning.similarity.abs().max() <= 1
        assert (learning.omega >= 0).all()
        torch.testing.assert_close(learning.omega.sum(1), torch.ones(count), rtol=0, atol=1e-6)
    again = TROA(names(count), kappa=kappa, rho=rho)
    again.load(json.loads(json.dumps(learning.state(), allow_nan=False)))
    torch.testing.assert_close(again.omega, learning.omega, rtol=0, atol=1e-6)


@st.composite
def states(draw: Any, count: int) -> dict[str, Any]:
    """What a file may hold: rows of ω with zeros in them, S beyond its bounds."""
    shape = {"min_size": count, "max_size": count}
    row = st.lists(st.sampled_from([0.0, 1e-300, 1e-9, 0.5, 1.0]), **shape)
    rows = draw(st.lists(row.filter(lambda each: sum(each) > 0.4), **shape))
    beyond = st.lists(st.sampled_from([-1e100, -1.0, 0.0, 0.3, 7.0, 1e100]), **shape)
    return {
        "affinity": "TROA",
        "tasks": names(count),
        "similarity": draw(st.lists(beyond, **shape)),
        "observations": [[draw(st.sampled_from([0, 1, 2**40]))] * count] * count,
        "omega": [[value / sum(each) for value in each] for each in rows],
        "settings": {},
    }


def names(count: int) -> list[str]:
    return [f"task {number}" for number in range(count)]
