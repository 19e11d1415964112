"""Labels of whole images, spread over the classes or not."""

from typing import NamedTuple

import pytest
import torch
from torch.nn import functional

from vtagml.tasks import Classification


def test_smoothing_is_of_the_loss_alone() -> None:
    scores, target = torch.randn(4, 5), torch.tensor([0, 4, 255, 2])
    task = Classification("birds", 5, smoothing=0.1)
    total, count = task.loss(scores, target)
    expected = functional.cross_entropy(
        scores, target, ignore_index=255, reduction="sum", label_smoothing=0.1
    )
    torch.testing.assert_close(total, expected)
    assert count == 3
    assert (
        task.cross_entropy(scores, target)[0] == Classification("birds", 5).loss(scores, target)[0]
    )


@pytest.mark.parametrize("smoothing", [-0.1, 1.0])
def test_smoothing_is_validated(smoothing: float) -> None:
    with pytest.raises(ValueError, match=f"`smoothing` of birds must be .* found {smoothing}"):
        Classification("birds", 5, smoothing=smoothing)


class Classes(NamedTuple):
    names: tuple[str, ...]
    colours: tuple[tuple[int, int, int], ...]


def test_a_class_that_is_never_predicted_has_no_share_of_a_label() -> None:
    task = Classification("birds", 2, names=["crow", "gull"], smoothing=0.1)
    task.bind({"birds": Classes(("crow", "dove", "gull"), ((0, 0, 0),) * 3)})
    total, count = task.loss(torch.randn(3, 2), torch.tensor([0, 1, 2]))
    assert total.isfinite()
    assert count == 2
