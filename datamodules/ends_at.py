"""The size that every sample has to have in the end."""

import numpy as np

from datamodules.transforms import Sample, Transform


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
