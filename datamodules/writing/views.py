"""Scenes as a dataset's camera would have seen them."""

import zlib
from dataclasses import dataclass, replace

import numpy as np

from datamodules.base import SPLITS
from datamodules.rendering import SCENERIES, Frame, Look
from datamodules.rendering.camera import Camera
from datamodules.rendering.frame import frame


@dataclass(frozen=True)
class Calibration:
    """The one camera of a dataset whose images were all taken, or cut, alike.

    Attributes:
        focal: fx and fy in pixels.
        centre: cx and cy in pixels; the image's corner is at 0, a pixel's centre at + 0.5.
        size: Height and width of the image that these are of.
    """

    focal: tuple[float, float]
    centre: tuple[float, float]
    size: tuple[int, int]

    def at(self, size: tuple[int, int]) -> tuple[float, float, float, float]:
        """(fx, fy, cx, cy) of the same view in an image of another size."""
        down, along = size[0] / self.size[0], size[1] / self.size[1]
        (fx, fy), (cx, cy) = self.focal, self.centre
        return fx * along, fy * down, cx * along, cy * down


@dataclass(frozen=True, eq=False)
class CalibratedCamera(Camera):
    """A camera with the dataset's focal lengths and principal point instead of a drawn field."""

    calibration: Calibration

    def intrinsics(self, size: tuple[int, int]) -> tuple[float, float, float, float]:
        return self.calibration.at(size)


@dataclass(frozen=True)
class Views:
    """Draws the scenes of one dataset: view `index` of a split, the same on every machine.

    Attributes:
        key: Keeps the scenes of datasets apart: no two share one at equal seeds.
        scenery: `room`, `street` or `photo`; `object`s are drawn by their layout.
        calibration: The dataset's camera; None leaves every scene the field that it drew.
        size: Height and width of the images.
        seed: Of the scenes.
        look: Light, air and sensor.
    """

    key: str
    scenery: str
    calibration: Calibration | None
    size: tuple[int, int]
    seed: int
    look: Look

    def random(self, split: str, index: int) -> np.random.Generator:
        """The random numbers of a view."""
        dataset = zlib.crc32(self.key.encode())
        # Datasets may have splits beside the three.
        number = SPLITS.index(split) if split in SPLITS else zlib.crc32(split.encode())
        return np.random.default_rng([self.seed, number, index, dataset])

    def __call__(self, split: str, index: int) -> Frame:
        random = self.random(split, index)
        scenery = SCENERIES[self.scenery]
        scene = scenery.scene(random, self.look)
        if self.calibration is not None:
            seen = scene.camera
            camera = CalibratedCamera(seen.position, seen.rotation, seen.field, self.calibration)
            scene = replace(scene, camera=camera)
        return frame(scene, self.size, scenery.background, random)
