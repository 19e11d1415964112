"""The distances in which depth is evaluated."""

from vtagml.losses.shapes import Field, Where
from vtagml.losses.unknown import known


class DepthRange:
    """The distances in which depth is evaluated.

    Pixels whose target is outside are invalid; the prediction is clamped into the range.

    Args:
        minimum: Smallest depth in metres, included; None for no limit.
        maximum: Largest depth in metres, included; None for no limit.
    """

    def __init__(self, minimum: float | None = None, maximum: float | None = None) -> None:
        for name, limit in (("minimum", minimum), ("maximum", maximum)):
            if limit is not None and not limit > 0:
                raise ValueError(
                    f"`{name}` of the depth range must be more than 0 metres, found {limit}: "
                    "use null for no limit."
                )
        if minimum is not None and maximum is not None and minimum >= maximum:
            raise ValueError(
                f"`minimum` of the depth range must be below `maximum`, found {minimum} and "
                f"{maximum} metres: swap them?"
            )
        self.minimum = minimum
        self.maximum = maximum

    def valid(self, target: Field) -> Where:
        """Where the target is known, positive and inside the range."""
        valid = known(target) & (target > 0)
        if self.minimum is not None:
            valid = valid & (target >= self.minimum)
        if self.maximum is not None:
            valid = valid & (target <= self.maximum)
        return valid

    def clamp(self, prediction: Field) -> Field:
        if self.minimum is None and self.maximum is None:
            return prediction
        return prediction.clamp(self.minimum, self.maximum)
