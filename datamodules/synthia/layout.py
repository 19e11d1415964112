"""Scenes as SYNTHIA-RAND-CITYSCAPES: 16-bit labels and depth in RGB files."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from jaxtyping import UInt16

from datamodules.predictions import Metres
from datamodules.rendering import Frame
from datamodules.synthia.reader import CAMERA, CAMERA_SIZE, CODES_PER_METRE, ROOT, stored_numbers
from datamodules.writing.layout import Encode, Layout, Place, take
from datamodules.writing.views import Calibration

DEPTH = Metres(CODES_PER_METRE, nearest=0, unknown=65535)


class Synthia(Layout):
    """The folder `RAND_CITYSCAPES` that the archive unpacks to.

    - `Depth`: centimetres in all three channels; 65535 in the sky.
    - `GT/LABELS`: the class in red.
    - The camera is that of the SYNTHIA video sequences, which readers assume, since none is
      shipped.

    Not written: what no reader needs (`GT/COLOR`, instances).
    """

    word = "synthia"
    form = "plain"
    config = "synthia_sdn"
    scenery = "street"
    size = CAMERA_SIZE
    calibration = Calibration(CAMERA[:2], CAMERA[2:], CAMERA_SIZE)
    ids: ClassVar[Mapping[str, int]] = {
        "road": 3,
        "sidewalk": 4,
        "building": 2,
        "pole": 7,
        "sign": 9,
        "tree": 6,
        "person": 10,
        "car": 8,
        "sky": 1,
    }

    def names(self, split: str, count: int) -> Sequence[str]:
        return take(stored_numbers(split), count, f"images for {split}")

    def files(self, place: Place) -> Mapping[str, Encode]:
        return {
            f"{ROOT}/RGB/{place.name}.png": lambda frame: frame.image,
            f"{ROOT}/Depth/{place.name}.png": _depth,
            f"{ROOT}/GT/LABELS/{place.name}.png": self.labels,
        }

    def labels(self, frame: Frame) -> UInt16[np.ndarray, "height width 3"]:
        labels = np.zeros((*frame.segmentation.shape, 3), np.uint16)
        labels[..., 0] = self.class_ids(frame)
        return labels


def _depth(frame: Frame) -> UInt16[np.ndarray, "height width 3"]:
    return np.repeat(DEPTH(frame.depth)[..., None], 3, axis=-1)
