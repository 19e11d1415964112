"""What a sample has to remember, so that predictions can be brought back to the image's size."""

import numpy as np

from datamodules.geometry import Affine, warp
from datamodules.transforms import Sample, Transform


class NativeSize(Transform):
    """Adds `size`, the image's height and width as it is now: comes before it is resized."""

    def __call__(self, sample: Sample, random: np.random.Generator) -> Sample:
        return sample | {"size": np.array(sample["image"].shape[:2])}


class FitInside(Transform):
    """Brings an image of any shape to one size without distorting it.

    The image fills the upper left corner of the view as far as its shape allows, the rest is
    padding. `shown` says how far: the height and width of the part that shows the image.

    Args:
        size: Height and width of the view.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size

    def __call__(self, sample: Sample, random: np.random.Generator) -> Sample:
        height, width = sample["image"].shape[:2]
        share = min(self.size[0] / height, self.size[1] / width)
        shown = (max(1, round(height * share)), max(1, round(width * share)))
        affine = Affine.identity((height, width)).resized(shown).cut(0, 0, self.size)
        return warp(sample, affine) | {"shown": np.array(shown)}
