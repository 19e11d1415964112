"""Scenes as Cityscapes: `leftImg8bit`, `gtFine`, `disparity` and `camera`."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import cv2
import numpy as np
from jaxtyping import UInt8, UInt16

from datamodules.cityscapes.reader import COARSE, EXTRA
from datamodules.rendering import Frame
from datamodules.writing.codes import disparity_codes
from datamodules.writing.layout import Encode, Layout, Place
from datamodules.writing.views import Scenery

BASELINE = 0.209313
"""Metres between the two cameras, as in the dataset's own camera files."""
# Where the camera is in the car (metres, radians); no reader needs it.
_POSE = {"pitch": 0.038, "roll": 0.0, "x": 1.7, "y": 0.1, "yaw": -0.0195, "z": 1.22}
_CITIES = {"train": "aachen", "val": "frankfurt", "test": "berlin", EXTRA: "augsburg"}
_COUNTED = ("person", "car")
_INSTANCES_PER_CLASS = 1000
COARSE_MARGIN = 2
"""So many pixels on both sides of a border have no coarse label."""


class Cityscapes(Layout):
    """The folders that the archives unpack to, one below the other.

    Every image has a camera file of its own, since every scene has its own field of view; depth
    is the disparity that a second camera 0.209313 m to the right would give. As in the real test
    split, the labels of test images are all "unlabeled".

    Not written: `_gtFine_color.png` and `_gtFine_polygons.json`, which repeat the labels.
    Instances are connected regions of people and cars.
    """

    word: ClassVar[str] = "cityscapes"
    form: ClassVar[str] = "plain"
    config: ClassVar[str] = "cityscapes_sdn"
    scenery: ClassVar[Scenery] = "street"
    size: ClassVar[tuple[int, int]] = (1024, 2048)
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
        encoders: dict[tuple[str, str], Encode] = {
            ("leftImg8bit", "leftImg8bit.png"): lambda frame: frame.image,
            **self.labels(place.split),
            ("disparity", "disparity.png"): _disparity,
            ("camera", "camera.json"): _camera,
        }
        city = _CITIES[place.split]
        return {
            f"{self.folder(kind)}/{place.split}/{city}/{place.name}_{ending}": encode
            for (kind, ending), encode in encoders.items()
        }

    def folder(self, kind: str) -> str:
        return kind

    def labels(self, split: str) -> dict[tuple[str, str], Encode]:
        """Folder and ending of the label files of a split, and what goes into them."""
        labelled = split != "test"
        return {
            ("gtFine", "gtFine_labelIds.png"): self.label_ids if labelled else _unlabelled,
            ("gtFine", "gtFine_instanceIds.png"): (
                self.instance_ids if labelled else lambda frame: _unlabelled(frame).astype("uint16")
            ),
        }

    def label_ids(self, frame: Frame) -> UInt8[np.ndarray, "height width"]:
        return self.class_ids(frame).astype(np.uint8)

    def instance_ids(self, frame: Frame) -> UInt16[np.ndarray, "height width"]:
        """The class id, or of people and cars 1000 times the id plus a number from 0."""
        classes = self.class_ids(frame)
        instances = classes.copy()
        for name in _COUNTED:
            of_class = classes == self.ids[name]
            regions = cv2.connectedComponents(of_class.astype(np.uint8))[1]
            numbered = self.ids[name] * _INSTANCES_PER_CLASS + regions - 1
            instances[of_class] = numbered[of_class]
        return instances


class CityscapesWithExtra(Cityscapes):
    """The same folders, and as many images of `train_extra` as of `train`, with coarse labels.

    Coarse labels are the fine ones without two pixels on both sides of every border. Not written:
    the coarse labels of `train` and `val`.
    """

    form: ClassVar[str] = "extra"

    def counts(self, train: int) -> dict[str, int]:
        return super().counts(train) | {EXTRA: train}

    def labels(self, split: str) -> dict[tuple[str, str], Encode]:
        if split != EXTRA:
            return super().labels(split)
        return {
            (COARSE, f"{COARSE}_labelIds.png"): (
                lambda frame: _inside(frame) * self.label_ids(frame)
            ),
            (COARSE, f"{COARSE}_instanceIds.png"): (
                lambda frame: _inside(frame) * self.instance_ids(frame)
            ),
        }


class CityscapesByArchive(Cityscapes):
    """The same with every archive unpacked into a folder of its own name."""

    form: ClassVar[str] = "archives"

    def folder(self, kind: str) -> str:
        return f"{kind}_trainvaltest/{kind}"


def _unlabelled(frame: Frame) -> UInt8[np.ndarray, "height width"]:
    return np.zeros_like(frame.segmentation)


def _inside(frame: Frame) -> UInt8[np.ndarray, "height width"]:
    """1 where all of the surroundings are of one class, elsewhere 0."""
    side = 2 * COARSE_MARGIN + 1
    window = np.ones((side, side), np.uint8)
    highest, lowest = cv2.dilate(frame.segmentation, window), cv2.erode(frame.segmentation, window)
    return (highest == lowest).astype(np.uint8)


def _disparity(frame: Frame) -> UInt16[np.ndarray, "height width"]:
    return disparity_codes(frame.depth, frame.camera[0], BASELINE)


def _camera(frame: Frame) -> dict[str, dict[str, float]]:
    fx, fy, cx, cy = frame.camera
    return {
        "extrinsic": {"baseline": BASELINE, **_POSE},
        "intrinsic": {"fx": fx, "fy": fy, "u0": cx, "v0": cy},
    }


LAYOUTS: tuple[Layout, ...] = (Cityscapes(), CityscapesByArchive(), CityscapesWithExtra())
