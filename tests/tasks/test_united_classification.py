"""One set's classes among those of all sets: loss, prediction, and what does not compare."""

import math

import pytest
import torch
from torch.nn import functional

from datamodules.labels import Labels
from vtagml.tasks import Classification, UnitedClassification

OFFSETS = {"cub": (200, 0), "cars": (196, 200), "aircraft": (100, 396), "flowers": (102, 496)}


def small(smoothing: float = 0.0) -> UnitedClassification:
    """Classes 2, 3 and 4 of seven."""
    return UnitedClassification("birds", 3, offset=2, total=7, smoothing=smoothing)


def test_prediction_is_the_class_of_the_largest_score_of_all() -> None:
    scores = functional.one_hot(torch.arange(7), 7).float()
    # In front of its own classes, its own, behind them: other sets' are none that a label is.
    assert small().predict(scores).tolist() == [255, 255, 0, 1, 2, 255, 255]


def test_a_class_of_another_set_is_wrong() -> None:
    task = small()
    metrics = task.metrics()
    scores = functional.one_hot(torch.tensor([2, 3, 0, 6]), 7).float()
    metrics.update(task.predict(scores), torch.tensor([0, 2, 0, 255]))
    # Right, another class of the set, another set's; the last label is unknown.
    assert metrics.compute()["accuracy"].item() == pytest.approx(1 / 3)


def test_golden_loss_over_all_classes() -> None:
    # Of seven classes the right one, id 1 at place 3, has ln 4 and the others zero: 4/10 of all.
    scores = torch.zeros(2, 7)
    scores[0, 3] = math.log(4)
    total, count = small().loss(scores, torch.tensor([1, 255]))
    assert total.item() == pytest.approx(math.log(10 / 4))
    assert count == 1


def test_golden_smoothing_is_over_all_classes() -> None:
    scores = torch.zeros(1, 7)
    scores[0, 3] = math.log(4)
    total, _ = small(0.1).loss(scores, torch.tensor([1]))
    # A tenth of the label is spread evenly: -ln(1/10) six times and -ln(4/10) once, a 70th each.
    expected = 0.9 * math.log(10 / 4) + 0.1 / 7 * (6 * math.log(10) + math.log(10 / 4))
    assert total.item() == pytest.approx(expected)
    assert small(0.1).cross_entropy(scores, torch.tensor([1]))[0].item() == pytest.approx(
        math.log(10 / 4)
    )


def test_all_sets_have_a_place_of_their_own_and_all_scores_the_loss() -> None:
    scores = torch.randn(598, 598, dtype=torch.float64)
    labels = [
        (UnitedClassification(name, classes, offset, 598, smoothing=0.0), id)
        for name, (classes, offset) in OFFSETS.items()
        for id in range(classes)
    ]
    for row, (task, id) in enumerate(labels):
        if row % 37 and id != 55:  # 255 of all is another set's class, and no unknown
            continue
        total, count = task.loss(scores[row : row + 1], torch.tensor([id]))
        expected = functional.cross_entropy(scores[row : row + 1], torch.tensor([row]))
        assert total.item() == pytest.approx(expected.item())
        assert count == 1
        found = task.predict(functional.one_hot(torch.tensor([row]), 598).double())
        assert found.item() == id


@pytest.mark.parametrize("offset", [-1, 5])
def test_a_place_beyond_all_classes_is_refused(offset: int) -> None:
    with pytest.raises(ValueError, match=rf"`offset` of birds must be from 0 to 4.*found {offset}"):
        UnitedClassification("birds", 3, offset, total=7)


def test_over_all_classes_does_not_compare_with_within_the_set() -> None:
    within, over = Classification("birds", 3).comparable(), small().comparable()
    assert within["evaluated"] == "within the set"
    assert over["evaluated"] == "over all 7 classes"
    assert {key for key in within if within[key] != over[key]} == {"evaluated"}


def test_data_with_other_classes_or_another_order_are_refused() -> None:
    task = small()
    assert task.nameable == 3
    task.trained_on(["owl", "jay", "tit"])
    colours = ((0, 0, 0), (0, 0, 1), (0, 0, 2))
    task.bind({"birds": Labels(("owl", "jay", "tit"), colours)})
    with pytest.raises(ValueError, match="`data` must have the classes of birds"):
        task.bind({"birds": Labels(("jay", "owl", "tit"), colours)})
