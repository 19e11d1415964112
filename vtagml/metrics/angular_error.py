"""The angle between predicted and true normals: mean, median, and shares within an angle."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from vtagml.losses.shapes import Directions, Field, Number, Sums, Where
from vtagml.losses.unknown import known
from vtagml.metrics.pooled import Counted, Pooled, counts_of, masked_sums

BINS_PER_DEGREE = 20
"""Resolution of the median."""
BINS = 180 * BINS_PER_DEGREE


def angular_error(prediction: Directions, target: Directions) -> tuple[Field, Where]:
    """The angle between two directions in degrees, and where it is valid.

    2·atan2(‖p−g‖, ‖p+g‖) of the unit vectors, which is accurate at all angles; the arc cosine of
    p·g loses half the digits near 0 and 180 degrees. A zero vector is 90 degrees from everything.
    """
    valid = known(target)
    truth = functional.normalize(torch.where(valid, target, 0.0).double(), dim=1)
    direction = functional.normalize(prediction.double(), dim=1)
    difference = (direction - truth).norm(dim=1, keepdim=True)
    total = (direction + truth).norm(dim=1, keepdim=True)
    return torch.rad2deg(2 * torch.atan2(difference, total)), valid


def median_of_histogram(counts: Float[Tensor, "bins"], width: float) -> Number:
    """The median of values counted in bins of equal width from zero; linear inside a bin."""
    below = counts.cumsum(dim=0)
    half = below[-1] / 2
    middle = torch.searchsorted(below, half).clamp(max=len(counts) - 1)
    share = (half - (below[middle] - counts[middle])) / counts[middle]
    return (middle + share) * width


class AngularError(Pooled):
    """mErr: the mean angle in degrees over all valid pixels of the dataset."""

    higher_is_better = False

    def sums(self, prediction: Directions, target: Directions) -> Sums:
        return masked_sums(*angular_error(prediction, target))


class WithinAngle(Pooled):
    """The share of valid pixels whose angle is below a limit.

    Args:
        degrees: The limit; customary are 11.25, 22.5 and 30.
    """

    higher_is_better = True

    def __init__(self, degrees: float) -> None:
        if not 0 < degrees <= 180:
            raise ValueError(
                f"`degrees` must be more than 0 and at most 180, found {degrees}: customary are "
                "11.25, 22.5 and 30."
            )
        super().__init__()
        self.degrees = degrees

    def sums(self, prediction: Directions, target: Directions) -> Sums:
        angle, valid = angular_error(prediction, target)
        return masked_sums(angle < self.degrees, valid)


class MedianAngularError(Counted):
    """The median angle in degrees over all valid pixels of the dataset.

    A median cannot be summed over batches and ranks, a histogram can; with 20 bins per degree the
    result is exact to 0.05 degrees.
    """

    higher_is_better = False

    def __init__(self) -> None:
        super().__init__(BINS)

    def counted(self, prediction: Directions, target: Directions) -> Float[Tensor, "bins"]:
        angle, valid = angular_error(prediction, target)
        # A prediction that is not a number is as wrong as can be; the mean shows it as NaN.
        angle = angle.nan_to_num(180.0)
        place = (angle * BINS_PER_DEGREE).long().clamp(max=BINS - 1)
        return counts_of(place, valid, BINS).double()

    def compute(self) -> Number:
        return median_of_histogram(self.counts, 1 / BINS_PER_DEGREE)
