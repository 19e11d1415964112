"""Changes of a whole sample, image and labels together."""

from abc import ABC, abstractmethod
from typing import Any, TypeAlias

import numpy as np

Sample: TypeAlias = dict[str, Any]
"""A sample as readers give it: NumPy arrays as `[height, width, ...]`, and its name, a `str`."""


class Transform(ABC):
    """Maps a sample to a changed one; all its randomness comes from the generator it is given."""

    @abstractmethod
    def __call__(self, sample: Sample, random: np.random.Generator) -> Sample: ...


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
