"""Views of single objects with their shape, material and colour."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from datamodules.drawn.rendered import Reader, RenderedDataModule, scene_random
from datamodules.geometry import InceptionCrop, RandomFlip
from datamodules.labels import Labels
from datamodules.photometric import Photometric
from datamodules.rendering import COLOURS, MATERIALS, SHAPES, object_view
from datamodules.transforms import Sample, Transform


class SceneObjects(RenderedDataModule):
    """Object views for classification: which shape, of which material, in which colour.

    - Source: drawn by `datamodules.rendering.object_view`; no download, no licence to heed.
    - Splits: as many samples as asked for; sample i of a split depends on (`scene_seed`, split, i)
      only, and splits never share a sample.
    - Labels: `shape`, `material`, `colour`, one class id per image, always known.
    - On disk: `<cache>/objects-…/{image,shape,material,colour}.npy`; 49 kB per view at 128 pixels.
    - Augmentation of training views: mirrored, cropped to 60–100 % of the area, brightness,
      contrast and a little saturation. The hue stays, since colour is a label.

    Args:
        train: Number of training views.
        val: Number of validation views.
        test: Number of test views.
        batch_size: Views per batch and rank.
        options: What all drawn datasets take, see `RenderedDataModule`.
    """

    offers = ("shape", "material", "colour")

    def __init__(
        self,
        train: int = 8000,
        val: int = 500,
        test: int = 1000,
        batch_size: int = 64,
        **options: Any,
    ) -> None:
        super().__init__(train=train, val=val, test=test, batch_size=batch_size, **options)

    @property
    def labels(self) -> dict[str, Labels]:
        names = (SHAPES, MATERIALS, COLOURS)
        spread = map(Labels.spread, names)
        return dict(zip(self.offers, spread, strict=True))

    @property
    def settings(self) -> dict[str, str]:
        return {"kind": "objects"}

    def default_augment(self) -> Sequence[Transform]:
        crop = InceptionCrop(self.image_size, scale=(0.6, 1.0))
        return [RandomFlip(), crop, Photometric(saturation=0.1, hue=0.0, noise=0.01)]

    def drawer(self, split: str) -> Reader:
        return partial(_drawn_object, self.image_size, self.scene_seed, split)


def _drawn_object(
    size: tuple[int, int], seed: int, split: str, index: int, tasks: Sequence[str]
) -> Sample:
    view = object_view(scene_random(seed, split, index), size)
    return {"image": view.image} | {
        task: np.asarray(getattr(view, task), np.uint8) for task in tasks
    }
