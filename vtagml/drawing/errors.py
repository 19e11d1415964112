"""How wrong predictions are, pixel by pixel, and in which colours that is shown."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Shaped
from matplotlib import colormaps
from torch import Tensor

from vtagml.losses.unknown import known, known_classes
from vtagml.tasks.palette import UNKNOWN_GREY
from vtagml.tasks.task import Task

COLOURS = "magma"
STEPS = 256
MOST = 0.98  # Share of the pixels within the scale; a few outliers would leave the rest black.
ENOUGH = 1 << 20  # Pixels from which that share is found; `quantile` takes no more than 2²⁴.
RIGHT, WRONG = (0.92, 0.92, 0.92), (0.835, 0.369, 0.0)  # vermilion, of Okabe and Ito
UNIT_LENGTH = 0.02


class Errors(NamedTuple):
    """Errors of a task per pixel.

    Attributes:
        values: NaN where no label says what is right; 1 for wrong and 0 for right classes.
        unit: Of the values, may be empty; None for classes.
        highest: Where the scale of colours ends.
    """

    values: Float[Tensor, "batch 1 height width"]
    unit: str | None
    highest: float


def errors(
    task: Task, prediction: Shaped[Tensor, "batch ..."], target: Shaped[Tensor, "batch ..."]
) -> Errors | None:
    """Returns how wrong each pixel is, in the way that suits what a task predicts.

    Classes are right or wrong; directions are apart by an angle; of anything else it is the
    absolute difference in the task's `unit`, the mean over the channels.

    Returns:
        None for a task without pixels, such as the classification of images.
    """
    if target.ndim < 3 or prediction.shape != target.shape:
        return None
    if not target.is_floating_point():
        wrong = (prediction != target).float()
        values = torch.where(known_classes(target), wrong, torch.nan)
        return Errors(values[:, None], None, 1.0)
    if are_directions(target) and are_directions(prediction):
        cosine = (prediction.double() * target.double()).sum(dim=1, keepdim=True)
        values, unit = cosine.clamp(-1.0, 1.0).arccos().rad2deg(), "°"
    else:
        values = (prediction.double() - target.double()).abs().mean(dim=1, keepdim=True)
        unit = getattr(task, "unit", "")
    values = torch.where(known(target), values, torch.nan).float()
    return Errors(values, unit, _highest(values))


def are_directions(values: Float[Tensor, "batch channels height width"]) -> bool:
    """Whether a map holds vectors of three components and length one wherever it is known."""
    if values.shape[1] != 3:
        return False
    lengths = values.float().norm(dim=1, keepdim=True)[known(values)]
    return bool(len(lengths) and ((lengths - 1).abs() < UNIT_LENGTH).all())


def _highest(values: Float[Tensor, "batch 1 height width"]) -> float:
    found = values[values.isfinite()]
    found = found[:: 1 + len(found) // ENOUGH]
    return float(found.quantile(MOST)) or float(found.max()) if len(found) else 0.0


def error_pictures(found: Errors) -> Float[Tensor, "batch 3 height width"]:
    """Returns errors as colours in [0, 1]; unknown pixels are grey."""
    valid = found.values.isfinite()
    if found.unit is None:
        right, wrong = (torch.tensor(each)[:, None, None] for each in (RIGHT, WRONG))
        colours = torch.where(found.values > 0, wrong, right)
    else:
        share = torch.where(valid, found.values, 0.0) / (found.highest or 1.0)
        place = (share[:, 0].clamp(0.0, 1.0) * (STEPS - 1)).round().long()
        colours = error_ramp()[place].movedim(-1, 1)
    return torch.where(valid, colours, UNKNOWN_GREY)


def error_ramp() -> Float[Tensor, "steps 3"]:
    """The colours from no error to the highest."""
    table = colormaps[COLOURS](torch.linspace(0, 1, STEPS).numpy())[:, :3]
    return torch.as_tensor(table, dtype=torch.float32)
