import numpy as np
import pytest
import torch
from sklearn.metrics import fbeta_score, jaccard_score, precision_score, recall_score
from torch import Tensor
from torchmetrics import Metric

from vtagml.metrics import ForegroundIoU, MaxF, MaxF1
from vtagml.metrics.saliency import ABOVE, REACHED


def images(*rows: tuple[float, ...]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float32)[:, None, None]


def value(metric: Metric, prediction: Tensor, target: Tensor) -> float:
    metric.update(prediction, target)
    return metric.compute().item()


def test_thresholds_are_those_of_the_papers() -> None:
    assert pytest.approx(np.linspace(0.2, 0.9, 15)) == ABOVE
    assert pytest.approx(np.arange(1, 20) / 20) == REACHED


PREDICTION = images((0.95, 0.65, 0.35, 0.1), (0.65, 0.35, 0.35, 0.1))
TARGET = images((1, 1, 0, 0), (1, 0, 0, 0))


def test_iou_golden() -> None:
    # Above 0.4 to 0.6: 2/2 and 1/1. Above 0.7: 1/2 and 0/1. Above 0.2: 2/3 and 1/3.
    assert value(ForegroundIoU(), PREDICTION, TARGET) == 1
    # With one more pixel at 0.65: 2/3 and 1/1 above 0.6; above 0.7 1/2 and 0.
    prediction = PREDICTION.clone()
    prediction[0, ..., 2] = 0.65
    assert value(ForegroundIoU(), prediction, TARGET) == pytest.approx((2 / 3 + 1) / 2)


def test_one_threshold_serves_the_whole_dataset_and_images_count_alike() -> None:
    # Each image alone is separable, above 0.3 and above 0.7; together above 0.3 is best: 1, 1/3.
    prediction = images((0.4, 0.2, 0.2), (0.8, 0.6, 0.6))
    target = images((1, 0, 0), (1, 0, 0))
    alone = [value(ForegroundIoU(), prediction[i : i + 1], target[i : i + 1]) for i in (0, 1)]
    assert alone == [1, 1]
    assert value(ForegroundIoU(), prediction, target) == pytest.approx((1 + 1 / 3) / 2)


def test_an_image_in_which_nothing_is_salient_is_right_if_nothing_is_called_so() -> None:
    nothing = images((0, 0))
    assert value(ForegroundIoU(), images((0.1, 0.2)), nothing) == 1
    assert value(ForegroundIoU(), images((0.95, 0.1)), nothing) == 0
    # There F1 counts it as 0, and F, of pixels, has nothing to find.
    assert value(MaxF1(), images((0.1, 0.2)), nothing) == 0
    assert np.isnan(value(MaxF(), images((0.1, 0.2)), nothing))


def test_images_without_a_label_are_left_out() -> None:
    imperfect = 1 - PREDICTION
    target = torch.cat([TARGET, torch.full_like(TARGET[:1], torch.nan)])
    prediction = torch.cat([imperfect, torch.ones_like(PREDICTION[:1])])
    for metric in (ForegroundIoU, MaxF1, MaxF):
        expected = value(metric(), imperfect, TARGET)
        assert 0 < expected < 1
        assert value(metric(), prediction, target) == expected


def test_a_pixel_on_a_threshold_passes_it_in_the_pooled_f_alone() -> None:
    # On the last threshold of each: 0.9 is not above itself, so only the lower ones find it.
    target = images((1, 0))
    assert value(ForegroundIoU(), images((0.9, 0.88)), target) == 0.5
    assert value(MaxF(), images((0.95, 0.94)), target) == 1


def test_f1_is_of_mean_precision_and_mean_recall() -> None:
    # Above 0.2 to 0.85: precision 1 and 1/3, recall 1/2 and 1, means 2/3 and 3/4.
    prediction = images((0.88, 0.0, 0.0), (0.88, 0.88, 0.88))
    target = images((1, 1, 0), (1, 0, 0))
    assert value(MaxF1(), prediction, target) == pytest.approx(2 * (1 / 2) / (2 / 3 + 3 / 4))
    # Pooled: 2 of 4 called are salient, 2 of 3 salient are found.
    expected = 1.3 * (2 / 4) * (2 / 3) / (0.3 * 2 / 4 + 2 / 3)
    assert value(MaxF(), prediction, target) == pytest.approx(expected)


def test_agree_with_sklearn() -> None:
    prediction = torch.rand(4, 1, 6, 7)
    target = ((0.5 * prediction + 0.5 * torch.rand(4, 1, 6, 7)) > 0.5).float()
    target[:, :, 0] = torch.nan
    known = [~each.isnan() for each in target]
    pairs = [(t[k].int().numpy(), p[k]) for t, p, k in zip(target, prediction, known, strict=True)]
    ious = [
        np.mean([jaccard_score(truth, (p > cut).int().numpy()) for truth, p in pairs])
        for cut in ABOVE
    ]
    assert value(ForegroundIoU(), prediction, target) == pytest.approx(max(ious))
    truths, scores = (np.concatenate(each) for each in zip(*pairs, strict=True))
    f = [fbeta_score(truths, scores >= cut, beta=0.3**0.5, zero_division=0) for cut in REACHED]
    assert value(MaxF(), prediction, target) == pytest.approx(max(f))
    precision, recall = (
        np.array([np.mean([score(t, p > cut, zero_division=0) for t, p in pairs]) for cut in ABOVE])
        for score in (precision_score, recall_score)
    )
    f1 = 2 * precision * recall / (precision + recall)
    assert value(MaxF1(), prediction, target) == pytest.approx(f1.max())
