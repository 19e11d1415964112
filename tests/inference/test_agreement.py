"""How far an exported network is from the original."""

import pytest
import torch

from vtagml.inference.agreement import difference, probe_images
from vtagml.tasks import Edges, Segmentation, UnitedClassification


def test_numbers_above_one_are_compared_by_their_share() -> None:
    class Plain(Edges):
        def predict(self, map: torch.Tensor) -> torch.Tensor:
            return map

    map = torch.tensor([[[[0.5, 200.0]]]])
    # 0.5 to 0.51 is 0.01 apart, 200 to 206 is 0.03 of 200.
    found = torch.tensor([[[[0.51, 200.0]]]])
    assert difference(Plain(), map, found) == pytest.approx(0.01, abs=1e-6)
    assert difference(Plain(), map, torch.tensor([[[[0.5, 206.0]]]])) == pytest.approx(0.03)


def test_classes_are_as_far_apart_as_their_scores() -> None:
    scores = torch.tensor([[[[1.0, 5.0]], [[0.75, 5.00001]], [[-3.0, 0.0]]]])
    task = Segmentation(3)
    assert difference(task, scores, torch.tensor([[[0, 1]]])) == 0
    # Class 0 instead of 1 where both score 5: rounding.
    assert difference(task, scores, torch.tensor([[[0, 0]]])) < 2e-5
    # Class 1 instead of 0, which scores a quarter more.
    assert difference(task, scores, torch.tensor([[[1, 1]]])) == 0.25


@pytest.mark.parametrize("total", [6, 39, 598])
def test_classes_of_one_head_for_all_sets_do_so_too(total: int) -> None:
    task = UnitedClassification("material", classes=6, offset=0 if total == 6 else 25, total=total)
    scores = torch.zeros(1, total)
    scores[0, task.offset + 3], scores[0, -1] = 2.0, 5.0
    expected = task.predict(scores)
    assert expected.item() == (5 if total == 6 else 255)
    assert difference(task, scores, expected) == 0
    assert difference(task, scores, torch.full_like(expected, 3)) == 3.0
    assert difference(task, -scores, torch.full_like(expected, 3)) == 2.0


def test_other_shapes_types_and_nan_are_infinitely_far() -> None:
    map = torch.zeros(1, 1, 2, 2)
    for found in (torch.zeros(1, 2, 2), map.double(), torch.full_like(map, torch.nan)):
        assert difference(Edges(), map, found) == torch.inf


def test_probes_are_always_the_same_and_nobody_elses_random_numbers_change() -> None:
    torch.manual_seed(3)
    first = list(probe_images((1, 3), (32, 64)))
    after = torch.rand(1)
    torch.manual_seed(3)
    assert torch.equal(torch.rand(1), after)
    assert [tuple(image.shape) for image in first] == [(1, 3, 32, 64)] * 2 + [(3, 3, 32, 64)] * 2
    assert all(image.min() >= 0 and image.max() <= 1 for image in first)
    assert all(map(torch.equal, first, probe_images((1, 3), (32, 64))))
