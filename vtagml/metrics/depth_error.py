"""What the depth metrics share: valid pixels of a range of distances, in float64."""

from abc import abstractmethod

from vtagml.losses.shapes import Field, Sums, Where
from vtagml.metrics.depth_range import DepthRange
from vtagml.metrics.pooled import Pooled


class DepthError(Pooled):
    """A depth metric over the valid pixels of a range; a subclass says what is summed."""

    higher_is_better = False

    def __init__(self, distances: DepthRange | None = None) -> None:
        super().__init__()
        self.distances = distances or DepthRange()

    def sums(self, prediction: Field, target: Field) -> Sums:
        valid = self.distances.valid(target)
        return self.masked(self.distances.clamp(prediction).double(), target.double(), valid)

    @abstractmethod
    def masked(self, prediction: Field, target: Field, valid: Where) -> Sums:
        """The sum of the quantity over the valid pixels, and its divisor."""
