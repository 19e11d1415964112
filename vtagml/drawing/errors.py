"""How wrong predictions are, pixel by pixel, as pictures with the key to their colours."""

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from vtagml.losses.shapes import Field, Pictures
from vtagml.tasks.key import ColourBar, Key, ticks_of
from vtagml.tasks.palette import UNKNOWN_GREY, on_ramp, ramp
from vtagml.tasks.task import Task

COLOURS = "magma"
MOST = 0.98  # Share of the pixels within the scale; a few outliers would leave the rest black.
ENOUGH = 1 << 20  # Pixels from which that share is found; `quantile` takes no more than 2²⁴.
RIGHT, WRONG = (0.92, 0.92, 0.92), (0.835, 0.369, 0.0)  # vermilion, of Okabe and Ito


def error_pictures(
    task: Task, prediction: Shaped[Tensor, "batch ..."], target: Shaped[Tensor, "batch ..."]
) -> tuple[Pictures, Key] | None:
    """Draws how wrong each pixel is, on one scale; pixels without a label are grey.

    Returns:
        None where there is nothing per pixel: for a task of whole images, or other sizes.
    """
    if target.ndim < 3 or prediction.shape != target.shape:
        return None
    error = task.error(prediction, target)
    if task.error_unit is None:
        right, wrong = (torch.tensor(colour)[:, None, None] for colour in (RIGHT, WRONG))
        pictures = torch.where(error > 0, wrong, right)
        pictures = torch.where(error.isfinite(), pictures, UNKNOWN_GREY)
        return pictures, Key([("right", RIGHT), ("wrong", WRONG)])
    highest = highest_shown(error)
    pictures = on_ramp(error / (highest or 1.0), COLOURS)
    return pictures, Key([], _error_bar(highest, task.error_unit))


def highest_shown(error: Field) -> float:
    """Where the scale ends; 0 where nothing is wrong or known."""
    known = error[error.isfinite()]
    known = known[:: 1 + len(known) // ENOUGH]
    return float(known.quantile(MOST)) or float(known.max()) if len(known) else 0.0


def _error_bar(highest: float, unit: str) -> ColourBar | None:
    """The scale of errors; None where nothing is wrong or known."""
    if not highest > 0:
        return None
    colours: Float[Tensor, "steps 3"] = ramp(COLOURS)
    labels = ticks_of(torch.linspace(0.0, highest, len(colours), dtype=torch.float64), unit)
    return ColourBar(colours[None], [*labels[:-1], f"≥ {labels[-1]}"])
