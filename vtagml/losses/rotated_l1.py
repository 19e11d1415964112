"""The absolute difference up to a misalignment of one pixel."""

import torch

from vtagml.losses.shapes import Field, Sums
from vtagml.losses.unknown import full_precision, known

SHIFTS = tuple((row, column) for row in range(3) for column in range(3))
"""Where the interior of the target may lie in the prediction; (1, 1) is its own place."""


def rotated_l1(prediction: Field, target: Field) -> Sums:
    """The absolute difference under the best shift by at most one pixel, summed; valid pixels.

    Sec. 4 (depth); the loss of Standley et al., "Which Tasks Should Be Learned Together in
    Multi-task Learning?". Nothing rotates: per image, the interior of the target is compared with
    the nine shifts of the prediction, and the best of them counts. The loss so tolerates labels
    that are misaligned with the image by one pixel.

    The sum adds the best shift's error over all images; the number is that of the valid interior
    pixels. The outermost ring of the target never counts.
    """
    height, width = target.shape[-2] - 2, target.shape[-1] - 2
    if height < 1 or width < 1:
        raise ValueError(
            "`target` must have at least 3 x 3 pixels, so that it has an interior to shift, found "
            f"{target.shape[-2]} x {target.shape[-1]}: use larger images or `masked_l1`."
        )
    prediction = full_precision(prediction)
    interior = target[..., 1:-1, 1:-1]
    valid = known(interior)
    interior = torch.where(valid, interior, 0.0)
    errors = []
    for row, column in SHIFTS:
        window = prediction[..., row : row + height, column : column + width]
        difference = torch.where(valid, window, 0.0) - interior
        errors.append(difference.abs().sum(dim=(1, 2, 3)))
    best = torch.stack(errors).min(dim=0).values
    return best.sum(), valid.sum().to(best.dtype)
