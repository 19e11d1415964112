"""Photometric augmentation; the only module that imports albumentations."""

import os
import random as python_random

# Read while albumentations is imported: without it, every start asks a server for a new version.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import albumentations
import numpy as np

from datamodules.transforms import Sample, Transform, checked_probability


class Photometric(Transform):
    """Changes the colours of the image, and nothing else; labels stay as they are.

    Args:
        brightness: Largest relative change of brightness.
        contrast: Largest relative change of contrast.
        saturation: Largest relative change of saturation.
        hue: Largest turn of the hue, as a share of the colour circle; 0 where colour is a label.
        noise: Largest standard deviation of Gaussian noise, as a share of the full range.
        probability: How often the colours are changed, and, apart from it, noise is added.
    """

    def __init__(
        self,
        brightness: float = 0.2,
        contrast: float = 0.2,
        saturation: float = 0.2,
        hue: float = 0.03,
        noise: float = 0.02,
        probability: float = 0.5,
    ) -> None:
        checked_probability(probability)
        colours = albumentations.ColorJitter(
            brightness=(1 - brightness, 1 + brightness),
            contrast=(1 - contrast, 1 + contrast),
            saturation=(1 - saturation, 1 + saturation),
            hue=(-hue, hue),
            p=probability,
        )
        grain = albumentations.GaussNoise(std_range=(0, noise), p=probability)
        self.pipeline = albumentations.Compose([colours, grain])

    def __call__(self, sample: Sample, random: np.random.Generator) -> Sample:
        # `set_random_seed` would give every transform the same numbers, and tie them together.
        self.pipeline.set_random_state(random, python_random.Random(int(random.integers(2**63))))
        return sample | {"image": self.pipeline(image=sample["image"])["image"]}
