"""Properties that hold for every metric, mean IoU of torchmetrics included."""

from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.classification import MulticlassJaccardIndex

from vtagml.metrics import (
    AbsoluteRelativeError,
    Accuracy,
    AngularError,
    DepthRange,
    EdgeF1,
    EdgeMacroF1,
    ForegroundIoU,
    ImageRootMeanSquareError,
    MaskedMeanAbsoluteError,
    MaxF,
    MaxF1,
    MedianAngularError,
    RootMeanSquareError,
    WithinAngle,
    WithinRatio,
)

CLASSES = 4
IMAGES = 5


def classes(generator: torch.Generator) -> Tensor:
    return torch.randint(CLASSES, (IMAGES, 6, 7), generator=generator)


def depth(generator: torch.Generator) -> Tensor:
    return 10 * torch.rand(IMAGES, 1, 6, 7, generator=generator) + 0.1


def edges(generator: torch.Generator) -> Tensor:
    return torch.rand(IMAGES, 1, 6, 7, generator=generator)


def masks(generator: torch.Generator) -> Tensor:
    return edges(generator).round()


def normals(generator: torch.Generator) -> Tensor:
    return torch.nn.functional.normalize(torch.randn(IMAGES, 3, 6, 7, generator=generator), dim=1)


class Case(NamedTuple):
    metric: Callable[[], Metric]
    label: Callable[[torch.Generator], Tensor]
    unknown: float
    perfect: float
    tolerance: float = 1e-6


NAN = torch.nan
CASES = {
    "miou": Case(
        lambda: MulticlassJaccardIndex(CLASSES, ignore_index=255, validate_args=False),
        classes,
        255,
        1,
    ),
    "accuracy": Case(Accuracy, classes, 255, 1),
    "rmse": Case(RootMeanSquareError, depth, NAN, 0),
    "rmse_image": Case(ImageRootMeanSquareError, depth, NAN, 0),
    "rmse_range": Case(lambda: RootMeanSquareError(DepthRange(1.0, 8.0)), depth, NAN, 0),
    "abs_rel": Case(AbsoluteRelativeError, depth, NAN, 0),
    "delta1": Case(WithinRatio, depth, NAN, 1),
    "merr": Case(AngularError, normals, NAN, 0),
    "median": Case(MedianAngularError, normals, NAN, 0, tolerance=0.05),
    "within": Case(lambda: WithinAngle(60.0), normals, NAN, 1),
    "f1": Case(EdgeF1, edges, NAN, 1, tolerance=0.1),  # no threshold is exactly the target's
    "f1_macro": Case(EdgeMacroF1, edges, NAN, 1),
    "iou": Case(ForegroundIoU, masks, NAN, 1),
    "max_f1": Case(MaxF1, masks, NAN, 1),
    "max_f": Case(MaxF, masks, NAN, 1),
    "l1": Case(MaskedMeanAbsoluteError, edges, NAN, 0),
}


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


def pair(case: Case, seed: int = 0, share: float = 0.3) -> tuple[Tensor, Tensor, Tensor]:
    """Prediction, target, and where the target is unknown, [batch, height, width]."""
    generator = torch.Generator().manual_seed(seed)
    prediction, target = case.label(generator), case.label(generator)
    mask = torch.rand(IMAGES, 6, 7, generator=generator) < share
    return prediction, hide(target, case.unknown, mask), mask


def hide(map: Tensor, unknown: float, mask: Tensor) -> Tensor:
    mask = mask if map.ndim == 3 else mask[:, None]
    return torch.where(mask, torch.tensor(unknown, dtype=map.dtype), map)


def value(case: Case, *pairs: tuple[Tensor, Tensor]) -> Tensor:
    metric = case.metric()
    for prediction, target in pairs:
        metric.update(prediction, target)
    return metric.compute()


def test_perfect_prediction(case: Case) -> None:
    _, target, _ = pair(case)
    assert value(case, (torch.nan_to_num(target, 1.0), target)).item() == pytest.approx(
        case.perfect, abs=case.tolerance
    )


def test_other_prediction(case: Case) -> None:
    prediction, target, _ = pair(case)
    worse = value(case, (prediction, target)).item() - case.perfect
    assert abs(worse) > case.tolerance
    assert (worse < 0) == case.metric().higher_is_better


@settings(max_examples=25, deadline=None)
@given(
    name=st.sampled_from(list(CASES)),
    seed=st.integers(0, 1000),
    share=st.floats(0, 0.9),
    cut=st.integers(1, IMAGES - 1),
)
def test_batches_add_up(name: str, seed: int, share: float, cut: int) -> None:
    case = CASES[name]
    prediction, target, _ = pair(case, seed, share)
    together = value(case, (prediction, target))
    apart = value(case, (prediction[:cut], target[:cut]), (prediction[cut:], target[cut:]))
    torch.testing.assert_close(apart, together, equal_nan=True)


def test_ranks_add_up(case: Case) -> None:
    prediction, target, _ = pair(case)
    first, second, merged = case.metric(), case.metric(), case.metric()
    first.update(prediction[:2], target[:2])
    second.update(prediction[2:], target[2:])
    merged.update(prediction[:1], target[:1])  # only so that it counts as updated
    for state, reduction in first._reductions.items():
        assert reduction is not None  # each state says how ranks are reduced
        both = torch.stack([getattr(first, state), getattr(second, state)])
        setattr(merged, state, reduction(both))  # as torchmetrics does after gathering
    torch.testing.assert_close(merged.compute(), value(case, (prediction, target)))


def test_unknown_pixels_do_not_matter(case: Case) -> None:
    prediction, target, mask = pair(case)
    other = torch.roll(prediction, 1, dims=0)
    mixed = torch.where(mask if prediction.ndim == 3 else mask[:, None], other, prediction)
    assert not mixed.equal(prediction)
    assert value(case, (mixed, target)) == value(case, (prediction, target))


def test_without_a_known_pixel_it_is_nan(case: Case) -> None:
    prediction, target, mask = pair(case)
    unknown = hide(target, case.unknown, torch.ones_like(mask))
    assert value(case, (prediction, unknown)).isnan()


def test_an_unknown_batch_does_not_matter(case: Case) -> None:
    prediction, target, mask = pair(case)
    unknown = hide(target, case.unknown, torch.ones_like(mask))
    both = value(case, (prediction, unknown), (prediction, target))
    assert both == value(case, (prediction, target))


def test_own_states_are_summed_in_float64(case: Case) -> None:
    metric = case.metric()
    if isinstance(metric, MulticlassJaccardIndex):
        assert metric.confmat.dtype == torch.int64  # exact as well
        return
    assert all(getattr(metric, state).dtype == torch.float64 for state in metric._defaults)


def test_reset_forgets(case: Case) -> None:
    prediction, target, _ = pair(case)
    metric = case.metric()
    metric.update(prediction.roll(1, dims=0), target)
    metric.reset()
    metric.update(prediction, target)
    assert metric.compute() == value(case, (prediction, target))
