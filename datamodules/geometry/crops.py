"""The crops of image classification: they end at the network's size, whatever the image's."""

import math

import numpy as np

from datamodules.geometry.affine import Affine, Size, checked_size
from datamodules.geometry.steps import Geometry
from datamodules.transforms import Sample

TRIES = 10
"""How often a rectangle is drawn before the largest in the middle is taken."""


class InceptionCrop(Geometry):
    """Cuts out a rectangle of any place, area and shape, and stretches it to one size.

    The share of the area is drawn evenly, the aspect evenly in its logarithm; a rectangle that does
    not fit is drawn anew. (Szegedy et al., "Going Deeper with Convolutions"; known as random
    resized crop.)

    Note:
        The field interpolates with cubic polynomials; here, as everywhere in this room, linearly,
        and by averages of areas where the view is smaller.

    Args:
        size: Height and width afterwards.
        scale: Smallest and largest share of the image's area.
        ratio: Smallest and largest width of the rectangle by its height, in pixels of the image.
    """

    def __init__(
        self,
        size: Size,
        scale: tuple[float, float] = (0.08, 1.0),
        ratio: tuple[float, float] = (3 / 4, 4 / 3),
    ) -> None:
        self.size = checked_size("size", size)
        if not 0 < scale[0] <= scale[1] <= 1:
            raise ValueError(f"`scale` should rise within (0, 1], found {scale}.")
        if not 0 < ratio[0] <= ratio[1] < math.inf:
            raise ValueError(f"`ratio` should rise and be positive, found {ratio}.")
        self.scale, self.ratio = scale, ratio

    def extend(self, affine: Affine, sample: Sample, random: np.random.Generator) -> Affine:
        height, width = affine.size
        for _ in range(TRIES):
            area = height * width * random.uniform(*self.scale)
            aspect = math.exp(random.uniform(*np.log(self.ratio)))
            rows, columns = round(math.sqrt(area / aspect)), round(math.sqrt(area * aspect))
            if 0 < rows <= height and 0 < columns <= width:
                top = int(random.integers(height - rows + 1))
                left = int(random.integers(width - columns + 1))
                return affine.cut(top, left, (rows, columns)).resized(self.size)
        return affine.cut(*self._largest(height, width)).resized(self.size)

    def _largest(self, height: int, width: int) -> tuple[int, int, Size]:
        """The largest rectangle in the middle whose shape is allowed."""
        rows = min(height, max(1, round(width / self.ratio[0])))
        columns = min(width, max(1, round(height * self.ratio[1])))
        return (height - rows) // 2, (width - columns) // 2, (rows, columns)


class CentreCrop(Geometry):
    """Resizes until the image just covers a size, and cuts the network's out of its middle.

    With `size` 224 x 224 the short side becomes 248, as evaluation of image classification has it.

    Args:
        size: Height and width afterwards.
    """

    def __init__(self, size: Size) -> None:
        self.size = checked_size("size", size)
        height, width = self.size
        # What the resized image covers.
        self.base = math.floor(height / 0.9), math.floor(width / 0.9)

    def extend(self, affine: Affine, sample: Sample, random: np.random.Generator) -> Affine:
        sides = list(zip(affine.size, self.base, strict=True))
        scale = max(base / side for side, base in sides)
        height, width = (max(base, round(side * scale)) for side, base in sides)
        top, left = (height - self.size[0]) // 2, (width - self.size[1]) // 2
        return affine.resized((height, width)).cut(top, left, self.size)
