"""What we rely on in torchmetrics' mean IoU; `Segmentation` uses it."""

import numpy as np
import pytest
import torch
from sklearn.metrics import jaccard_score
from torch import Tensor
from torchmetrics.classification import MulticlassJaccardIndex


def mean_iou(prediction: Tensor, target: Tensor, classes: int) -> float:
    metric = MulticlassJaccardIndex(classes, ignore_index=255, validate_args=False)
    metric.update(prediction, target)
    return metric.compute().item()


def reference(prediction: Tensor, target: Tensor, classes: int) -> float:
    """The mean over the classes of one confusion matrix, classes without any pixel left out."""
    known = target != 255
    matrix = np.zeros((classes, classes))
    np.add.at(matrix, (target[known].numpy(), prediction[known].numpy()), 1)
    hits = np.diag(matrix)
    with np.errstate(invalid="ignore"):
        return np.nanmean(hits / (matrix.sum(0) + matrix.sum(1) - hits))


def test_golden() -> None:
    # Class 0: 1 hit of 2 pixels in the union; class 1: 1 of 2; the last pixel is unknown.
    prediction, target = torch.tensor([[[0, 1, 1, 0]]]), torch.tensor([[[0, 0, 1, 255]]])
    assert mean_iou(prediction, target, classes=2) == 0.5


def test_a_class_in_neither_is_left_out() -> None:
    prediction, target = torch.tensor([[[0, 1, 1]]]), torch.tensor([[[0, 1, 1]]])
    assert mean_iou(prediction, target, classes=5) == 1


def test_a_class_that_is_only_predicted_counts_as_zero() -> None:
    # Class 0: 1/2; class 2 is predicted once and never there: 0/1; class 1 is nowhere.
    prediction, target = torch.tensor([[[0, 2]]]), torch.tensor([[[0, 0]]])
    assert mean_iou(prediction, target, classes=3) == pytest.approx(0.25)


def test_a_class_predicted_only_at_unknown_pixels_is_in_neither() -> None:
    prediction, target = torch.tensor([[[0, 2]]]), torch.tensor([[[0, 255]]])
    assert mean_iou(prediction, target, classes=3) == 1


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_the_confusion_matrix_and_sklearn(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    # Only some of the eight classes occur.
    prediction = torch.randint(2, 7, (2, 5, 6), generator=generator)
    target = torch.randint(1, 5, (2, 5, 6), generator=generator)
    target[torch.rand(target.shape, generator=generator) < 0.2] = 255
    ours = mean_iou(prediction, target, classes=8)
    assert ours == pytest.approx(reference(prediction, target, classes=8))
    known = target != 255
    assert ours == pytest.approx(
        jaccard_score(target[known], prediction[known], average="macro", zero_division=0)
    )
