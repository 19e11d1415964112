"""The usual training geometry of the field as one transform."""

from datamodules.geometry.affine import Size, checked_size
from datamodules.geometry.steps import (
    Joint,
    RandomCrop,
    RandomFlip,
    RandomRotation,
    RandomZoom,
    Resize,
)


class RandomView(Joint):
    """Resizes, zooms, rolls, mirrors and crops, in this order, with one resampling.

    At scale 1, without the rest, the view is that of `Resize(base)`.

    Args:
        size: Height and width of the network's input.
        scale: Smallest and largest factor of `RandomZoom`.
        rotation: Largest angle of `RandomRotation` in degrees.
        flip: Probability of `RandomFlip`.
        base: Height and width of the whole image at scale 1; by default `size`.
        largest_share: Of one class in a crop, as in `RandomCrop`; 1 for any.
    """

    def __init__(
        self,
        size: Size,
        scale: tuple[float, float] = (0.75, 1.5),
        rotation: float = 0.0,
        flip: float = 0.5,
        base: Size | None = None,
        largest_share: float = 1.0,
    ) -> None:
        super().__init__(
            [
                Resize(size if base is None else checked_size("base", base)),
                RandomZoom(scale),
                RandomRotation(rotation),
                RandomFlip(flip),
                RandomCrop(size, largest_share),
            ]
        )
