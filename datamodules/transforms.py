"""Changes of a whole sample, image and labels together."""

from abc import ABC, abstractmethod
from typing import Any, TypeAlias

import cv2
import numpy as np

Sample: TypeAlias = dict[str, Any]
"""A sample as readers give it: NumPy arrays as `[height, width, ...]`, and its name, a `str`."""


class Transform(ABC):
    """Maps a sample to a changed one; all its randomness comes from the generator it is given."""

    @abstractmethod
    def __call__(self, sample: Sample, random: np.random.Generator) -> Sample: ...


class RandomResizedCrop(Transform):
    """Cuts a random rectangle out of the image and scales it back to the image's size.

    For samples whose labels belong to the whole image; maps and cameras would no longer fit it.

    Args:
        scale: Smallest and largest share of the image's area.
        ratio: Smallest and largest aspect of the rectangle, relative to the image's.
    """

    def __init__(
        self, scale: tuple[float, float] = (0.6, 1.0), ratio: tuple[float, float] = (0.75, 4 / 3)
    ) -> None:
        if not 0 < scale[0] <= scale[1] <= 1:
            raise ValueError(f"`scale` should rise within (0, 1], found {scale}.")
        if not 0 < ratio[0] <= ratio[1]:
            raise ValueError(f"`ratio` should rise and be positive, found {ratio}.")
        self.scale = scale
        self.ratio = ratio

    def __call__(self, sample: Sample, random: np.random.Generator) -> Sample:
        image = sample["image"]
        for key, value in sample.items():
            if key != "image" and isinstance(value, np.ndarray) and value.ndim:
                raise ValueError(
                    f"`RandomResizedCrop` moves the image only, but the sample has `{key}`."
                    " Use it where every label belongs to the whole image."
                )
        height, width = image.shape[:2]
        area = random.uniform(*self.scale)
        aspect = np.exp(random.uniform(*np.log(self.ratio)))
        rows = min(height, max(1, round(height * float(np.sqrt(area / aspect)))))
        columns = min(width, max(1, round(width * float(np.sqrt(area * aspect)))))
        top = int(random.integers(height - rows + 1))
        left = int(random.integers(width - columns + 1))
        window = image[top : top + rows, left : left + columns]
        # Linear suits here: the window is at most a few times smaller than the image.
        return sample | {"image": cv2.resize(window, (width, height))}


class EndsAt(Transform):
    """Refuses samples that are not of the network's input size.

    Args:
        image_size: Height and width.
    """

    def __init__(self, image_size: tuple[int, int]) -> None:
        self.image_size = image_size

    def __call__(self, sample: Sample, random: np.random.Generator) -> Sample:
        found = sample["image"].shape[:2]
        if found != self.image_size:
            raise ValueError(
                f"`geometry` should end at `image_size`, {self.image_size}, found {found}"
                f" for sample `{sample['name']}`. End it with a crop or a resize to that size."
            )
        return sample


def checked_probability(probability: float) -> float:
    """Give the probability back if it is one."""
    if not 0 <= probability <= 1:
        raise ValueError(f"`probability` should lie in [0, 1], found {probability}.")
    return probability
