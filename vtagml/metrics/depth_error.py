"""What the depth metrics share: valid pixels of a range of distances, in float64."""

from abc import abstractmethod

from jaxtyping import Bool, Float
from torch import Tensor

from vtagml.metrics.depth_range import DepthRange
from vtagml.metrics.pooled import Pooled


class DepthError(Pooled):
    """A depth metric over the valid pixels of a range; a subclass says what is summed."""

    higher_is_better = False

    def __init__(self, distances: DepthRange | None = None) -> None:
        super().__init__()
        self.distances = distances or DepthRange()

    def sums(
        self,
        prediction: Float[Tensor, "batch 1 height width"],
        target: Float[Tensor, "batch 1 height width"],
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        valid = self.distances.valid(target)
        return self.masked(self.distances.clamp(prediction).double(), target.double(), valid)

    @abstractmethod
    def masked(
        self,
        prediction: Float[Tensor, "batch 1 height width"],
        target: Float[Tensor, "batch 1 height width"],
        valid: Bool[Tensor, "batch 1 height width"],
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """The sum of the quantity over the valid pixels, and its divisor."""
