"""Scenes as the folders of the multi-task papers make NYUDv2: `NYUD_MT` and `NYUDv2`."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Bool

from datamodules.nyudv2.form import TOOLBOX_CAMERA, TOOLBOX_CORNER, WINDOW, WINDOW_SIZE
from datamodules.predictions import Normals
from datamodules.rendering import Frame
from datamodules.writing.layout import Encode, Layout, Place
from datamodules.writing.views import Calibration

_TOP, _, _LEFT, _ = WINDOW
_FX, _FY, _CX, _CY = TOOLBOX_CAMERA
_CENTRE = (_CX - TOOLBOX_CORNER - _LEFT, _CY - TOOLBOX_CORNER - _TOP)


class NYUDv2Arrays(Layout):
    """The tree `NYUD_MT`: JPEG images, depth, normals and boundaries as `.npy`.

    - `segmentation`: ids 1 to 40. `depth`: float32 metres. `normals`: float32, x left, y up, z to
      the camera, as the papers' trees have them. `edge`: 1 on the boundaries of classes, else 0.
    - Two splits, as in the dataset: its 654 frames for test serve as `val`, too.
    """

    word = "nyudv2"
    form = "npy"
    config = "nyudv2_sdne"
    held_out = ("val",)
    scenery = "room"
    size = WINDOW_SIZE
    calibration = Calibration((_FX, _FY), _CENTRE, WINDOW_SIZE)
    ids: ClassVar[Mapping[str, int]] = {
        "floor": 2,
        "ceiling": 22,
        "wall": 1,
        "panel": 11,  # picture
        "box": 3,  # cabinet
        "sphere": 5,  # chair
        "cylinder": 7,  # table
        "cone": 35,  # lamp
    }

    def names(self, split: str, count: int) -> Sequence[str]:
        return [f"{split}_{number:04d}" for number in range(1, count + 1)]

    def files(self, place: Place) -> Mapping[str, Encode]:
        return {
            f"images/{place.name}.jpg": lambda frame: frame.image,
            f"segmentation/{place.name}.png": self.class_ids,
            f"depth/{place.name}.npy": lambda frame: np.nan_to_num(frame.depth),
            f"normals/{place.name}.npy": lambda frame: np.nan_to_num(-frame.normals),
            f"edge/{place.name}.npy": lambda frame: boundaries(frame).astype(np.float32),
        }

    def shared(self, places: Sequence[Place], size: tuple[int, int]) -> Mapping[str, Any]:
        lists: dict[str, str] = {"gt_sets/train.txt": "", "gt_sets/val.txt": ""}
        for place in places:
            lists[f"gt_sets/{place.split}.txt"] += f"{place.name}\n"
        return lists


class NYUDv2Images(NYUDv2Arrays):
    """The tree `NYUDv2` of the later papers: images, normals and boundaries as PNG."""

    form = "png"

    def files(self, place: Place) -> Mapping[str, Encode]:
        return {
            f"images/{place.name}.png": lambda frame: frame.image,
            f"segmentation/{place.name}.png": self.class_ids,
            f"depth/{place.name}.npy": lambda frame: np.nan_to_num(frame.depth),
            f"normals/{place.name}.png": lambda frame: Normals((-1, -1, -1))(frame.normals),
            f"edge/{place.name}.png": lambda frame: boundaries(frame).astype(np.uint8) * 255,
        }


def boundaries(frame: Frame) -> Bool[np.ndarray, "height width"]:
    """Whether the neighbour to the right or below is of another class."""
    classes = frame.segmentation
    edge = np.zeros(classes.shape, bool)
    edge[:, :-1] |= classes[:, :-1] != classes[:, 1:]
    edge[:-1] |= classes[:-1] != classes[1:]
    return edge
