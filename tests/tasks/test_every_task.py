"""Properties that hold for every task."""

import copy
import pickle
from collections.abc import Callable
from itertools import product
from typing import NamedTuple

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from vtagml.tasks import (
    Boundaries,
    Classification,
    Depth,
    Edges,
    HumanParts,
    InverseDepth,
    Normals,
    Regression,
    Saliency,
    Segmentation,
    Task,
    UnitedClassification,
)

SIZE = (6, 7)
GREY = 0.5


class Case(NamedTuple):
    task: Callable[[], Task]
    label: Callable[[], Tensor]
    unknown: float
    map_of: Callable[[Tensor], Tensor]  # the map that predicts a label
    size: tuple[int, ...] = SIZE


def classes(*size: int) -> Tensor:
    return torch.randint(3, (2, *size))


def scores(target: Tensor) -> Tensor:
    return 1000 * functional.one_hot(target, 3).movedim(-1, 1).float()


def inverse_softplus(target: Tensor) -> Tensor:
    return target.expm1().log()


def truths() -> Tensor:
    return torch.randint(2, (2, 1, *SIZE)).float()


def certain(target: Tensor) -> Tensor:
    return 1000 * (2 * target - 1)


def metres() -> Tensor:
    return 3 * torch.rand(2, 1, *SIZE) + 0.5


CASES = {
    "segmentation": Case(lambda: Segmentation(3), lambda: classes(*SIZE), 255, scores),
    "classification": Case(lambda: Classification("birds", 3), classes, 255, scores, ()),
    "united": Case(
        lambda: UnitedClassification("birds", 3, offset=2, total=7, smoothing=0.0),
        classes,
        255,
        lambda target: functional.pad(scores(target), (2, 2)),
        (),
    ),
    "depth": Case(Depth, metres, torch.nan, inverse_softplus),
    "inverse_depth": Case(
        InverseDepth, metres, torch.nan, lambda target: inverse_softplus(1 / target)
    ),
    "normals": Case(
        Normals,
        lambda: functional.normalize(torch.randn(2, 3, *SIZE), dim=1),
        torch.nan,
        lambda target: 7 * target,  # any length will do
    ),
    # Target 0.3 or 0.7, so that some threshold separates what 0.5 does.
    "edges": Case(
        lambda: Edges(threshold=0.5),
        lambda: 0.4 * torch.randint(2, (2, 1, *SIZE)) + 0.3,
        torch.nan,
        torch.clone,
    ),
    "human_parts": Case(lambda: HumanParts(3), lambda: classes(*SIZE), 255, scores),
    "saliency": Case(Saliency, truths, torch.nan, certain),
    "boundaries": Case(Boundaries, truths, torch.nan, certain),
    "regression": Case(
        lambda: Regression("height"), lambda: torch.randn(2, 1, *SIZE), torch.nan, torch.clone
    ),
}


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


def random_map(case: Case, task: Task) -> Tensor:
    return torch.randn(2, task.channels, *case.size)


def half_known(case: Case) -> tuple[Tensor, Tensor]:
    """A target of which the first image is unknown, and which images are known."""
    target = case.label()
    target[0] = case.unknown
    return target, torch.tensor([False, True])


def test_prediction_looks_like_a_label(case: Case) -> None:
    task, target = case.task(), case.label()
    prediction = task.predict(random_map(case, task))
    assert prediction.shape == target.shape
    assert prediction.dtype == target.dtype


def test_any_map_gives_finite_predictions_and_gradients(case: Case) -> None:
    task = case.task()
    dtypes, levels = (torch.bfloat16, torch.float16, torch.float32), (-1e4, 0.0, 1e-8, 1e4)
    for dtype, level in product(dtypes, levels):
        map = torch.full((2, task.channels, *case.size), level, dtype=dtype, requires_grad=True)
        assert task.predict(map).isfinite().all(), (dtype, level)
        total, _ = task.loss(map, case.label())
        total.backward()
        assert total.isfinite(), (dtype, level)
        assert map.grad is not None
        assert map.grad.isfinite().all(), (dtype, level)


def test_map_of_the_target_has_no_loss_and_perfect_metrics(case: Case) -> None:
    task, target = case.task(), case.label()
    map = case.map_of(target)
    total, count = task.loss(map, target)
    assert (total / count).item() == pytest.approx(0, abs=1e-5)
    metrics = task.metrics()
    metrics.update(task.predict(map), target)
    for name, value in metrics.compute().items():
        perfect = 1 if metrics[name].higher_is_better else 0
        tolerance = 0.05 if name == "median" else 1e-4
        assert value.item() == pytest.approx(perfect, abs=tolerance), name


def test_random_map_has_a_loss(case: Case) -> None:
    task = case.task()
    total, _ = task.loss(random_map(case, task), case.label())
    assert total > 0


def test_the_target_alone_says_what_the_loss_counts(case: Case) -> None:
    task, (target, _) = case.task(), half_known(case)
    assert task.count(target).item() == task.loss(random_map(case, task), target)[1].item() > 0


def test_without_a_label_loss_is_zero_in_the_graph_and_metrics_are_nan(case: Case) -> None:
    task = case.task()
    map = random_map(case, task).requires_grad_()
    target = torch.full_like(case.label(), case.unknown)
    total, count = task.loss(map, target)
    total.backward()
    assert (total.item(), count.item()) == (0, 0)
    assert map.grad is not None
    assert not map.grad.any()
    metrics = task.metrics()
    metrics.update(task.predict(map.detach()), target)
    assert all(value.isnan() for value in metrics.compute().values())


def test_headline_is_a_metric_of_the_same_direction(case: Case) -> None:
    task = case.task()
    assert task.metrics()[task.headline].higher_is_better == task.higher_is_better


def test_units_are_of_metrics_and_say_percent_of_shares(case: Case) -> None:
    task = case.task()
    assert task.units.keys() <= task.metrics().keys()
    for unit in task.units.values():
        assert unit.name.endswith(" %") == (unit.factor == 100.0)


def test_every_metric_has_a_direction(case: Case) -> None:
    task = case.task()
    assert task.directions().keys() == task.metrics().keys()
    assert None not in task.directions().values()


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.size])
def test_a_target_is_right_about_itself(name: str) -> None:
    task, (target, known) = CASES[name].task(), half_known(CASES[name])
    error = task.error(target, target)
    assert error.shape == (2, 1, *SIZE)
    assert error[known].abs().max() < 1e-3
    assert error[~known].isnan().all()


def test_metrics_are_fresh(case: Case) -> None:
    task = case.task()
    metrics = task.metrics()
    metrics.update(task.predict(random_map(case, task)), case.label())
    assert all(metric.update_count == 0 for metric in task.metrics().values())


def test_prior_is_a_prediction(case: Case) -> None:
    task = case.task()
    target, known = half_known(case)
    prior = task.prior()
    prior.update(target)
    prediction = prior.compute()
    # Of one known image, the best prediction is that image.
    torch.testing.assert_close(prediction[None], target[known])
    assert prediction.dtype == target.dtype


def test_pictures_are_colours_with_grey_where_unknown(case: Case) -> None:
    task = case.task()
    target, known = half_known(case)
    picture = task.picture(target)
    assert picture.shape == (2, 3, *(case.size or (1, 1)))
    assert picture.dtype == torch.float32
    assert picture.min() >= 0
    assert picture.max() <= 1
    assert (picture[~known] == GREY).all()
    assert not (picture[known] == GREY).all()
    prediction = task.predict(case.map_of(case.label()))
    assert task.picture(prediction).shape == picture.shape


def test_a_prediction_like_the_target_has_its_picture(case: Case) -> None:
    task, target = case.task(), case.label()
    picture = task.picture(task.predict(case.map_of(target)))
    # One step of the colour map may lie between the rounded values.
    torch.testing.assert_close(picture, task.picture(target), atol=0.03, rtol=0)


def test_bind_without_labels_of_the_task_does_nothing(case: Case) -> None:
    task = case.task()
    before = task.legend()
    task.bind({})
    assert task.legend() == before


def test_can_be_copied_and_sent_to_other_processes(case: Case) -> None:
    task = case.task()
    map = random_map(case, task)
    for twin in (copy.deepcopy(task), pickle.loads(pickle.dumps(task))):
        assert twin.predict(map).equal(task.predict(map))
        assert twin.name == task.name
