"""Scenes as Cityscapes: `leftImg8bit`, `gtFine`, `disparity` and `camera`."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import cv2
import numpy as np
from jaxtyping import Float32, UInt8, UInt16

from datamodules.cityscapes.reader import CAMERAS, COARSE, ENDINGS, EXTRA, IMAGES
from datamodules.rendering import Frame
from datamodules.writing.layout import Encode, Layout, Place

BASELINE = 0.209313
"""Metres between the two cameras, as in the dataset's own camera files."""
_CITIES = {"train": "aachen", "val": "frankfurt", "test": "berlin", EXTRA: "augsburg"}
COARSE_MARGIN = 2
"""So many pixels on both sides of a border have no coarse label."""


class Cityscapes(Layout):
    """The folders that the archives unpack to, one below the other.

    Every image has a camera file of its own, since every scene has its own field of view; depth
    is the disparity that a second camera 0.209313 m to the right would give. As in the real test
    split, the labels of test images are all "unlabeled".

    Not written: what no reader needs (colours, polygons, instances, the camera's pose).
    """

    word = "cityscapes"
    form = "plain"
    config = "cityscapes_sdn"
    scenery = "street"
    size = (1024, 2048)
    ids: ClassVar[Mapping[str, int]] = {
        "road": 7,
        "sidewalk": 8,
        "building": 11,
        "pole": 17,
        "sign": 20,
        "tree": 21,
        "person": 24,
        "car": 26,
        "sky": 23,
    }

    def names(self, split: str, count: int) -> Sequence[str]:
        # The labelled frame is the 20th of each snippet.
        return [f"{_CITIES[split]}_{number:06d}_000019" for number in range(count)]

    def files(self, place: Place) -> Mapping[str, Encode]:
        kind, labels = self.labels(place.split)
        encoders: dict[str, Encode] = {
            IMAGES: lambda frame: frame.image,
            kind: labels,
            "disparity": lambda frame: disparity_codes(frame.depth, frame.camera[0], BASELINE),
            CAMERAS: _camera,
        }
        city = _CITIES[place.split]
        return {
            f"{self.folder(kind)}/{place.split}/{city}/{place.name}_{ENDINGS[kind]}": encode
            for kind, encode in encoders.items()
        }

    def folder(self, kind: str) -> str:
        return kind

    def labels(self, split: str) -> tuple[str, Encode]:
        """The kind of the label files of a split, and what goes into them."""
        if split == "test":
            return "gtFine", lambda frame: np.zeros_like(frame.segmentation)
        return "gtFine", self.class_ids


class CityscapesWithExtra(Cityscapes):
    """The same folders, and as many images of `train_extra` as of `train`, with coarse labels.

    Coarse labels are the fine ones without two pixels on both sides of every border. Not written:
    the coarse labels of `train` and `val`.
    """

    form = "extra"

    def counts(self, train: int) -> dict[str, int]:
        return super().counts(train) | {EXTRA: train}

    def labels(self, split: str) -> tuple[str, Encode]:
        if split != EXTRA:
            return super().labels(split)
        return COARSE, lambda frame: _inside(frame) * self.class_ids(frame)


class CityscapesByArchive(Cityscapes):
    """The same with every archive unpacked into a folder of its own name."""

    form = "archives"

    def folder(self, kind: str) -> str:
        return f"{kind}_trainvaltest/{kind}"


def _inside(frame: Frame) -> UInt8[np.ndarray, "height width"]:
    """1 where all of the surroundings are of one class, elsewhere 0."""
    side = 2 * COARSE_MARGIN + 1
    window = np.ones((side, side), np.uint8)
    highest, lowest = cv2.dilate(frame.segmentation, window), cv2.erode(frame.segmentation, window)
    return (highest == lowest).astype(np.uint8)


def disparity_codes(
    depth: Float32[np.ndarray, "height width"], focal: float, baseline: float
) -> UInt16[np.ndarray, "height width"]:
    """Disparity of a stereo pair in 1/256 pixels, plus 1; 0 where unknown or out of range.

    Code 1 would be a disparity of 0, which is an infinite depth: that is written as 0, too.
    """
    codes = np.rint(256 * baseline * focal / depth.astype(np.float64)) + 1
    known = (codes > 1) & (codes <= np.iinfo(np.uint16).max)
    return np.where(known, codes, 0).astype(np.uint16)


def _camera(frame: Frame) -> dict[str, dict[str, float]]:
    fx, fy, cx, cy = frame.camera
    return {
        "extrinsic": {"baseline": BASELINE},
        "intrinsic": {"fx": fx, "fy": fy, "u0": cx, "v0": cy},
    }


LAYOUTS: tuple[Layout, ...] = (Cityscapes(), CityscapesByArchive(), CityscapesWithExtra())
