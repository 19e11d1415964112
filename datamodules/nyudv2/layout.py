"""Scenes as the folders of the multi-task papers make NYUDv2: `NYUD_MT` and `NYUDv2`."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Bool, UInt8

from datamodules.nyudv2.form import TOOLBOX_CAMERA, TOOLBOX_CORNER, WINDOW
from datamodules.rendering import Frame
from datamodules.writing.codes import normal_codes
from datamodules.writing.layout import Encode, Layout, Place
from datamodules.writing.views import Calibration, Scenery


def toolbox_calibration(window: tuple[int, int, int, int]) -> Calibration:
    """The dataset's colour camera as it sees rows and columns [top, bottom, left, right)."""
    top, bottom, left, right = window
    fx, fy, cx, cy = TOOLBOX_CAMERA
    centre = (cx - TOOLBOX_CORNER - left, cy - TOOLBOX_CORNER - top)
    return Calibration((fx, fy), centre, (bottom - top, right - left))


class NYUDv2Arrays(Layout):
    """The tree `NYUD_MT`: JPEG images, depth, normals and boundaries as `.npy`.

    - `segmentation`: ids 1 to 40. `depth`: float32 metres. `normals`: float32, x left, y up, z to
      the camera, as the papers' trees have them. `edge`: 1 on the boundaries of classes, else 0.
    - Two splits, as in the dataset: its 654 frames for test serve as `val`, too.
    """

    word: ClassVar[str] = "nyudv2"
    form: ClassVar[str] = "npy"
    config: ClassVar[str] = "nyudv2_sdne"
    scenery: ClassVar[Scenery] = "room"
    size: ClassVar[tuple[int, int]] = (WINDOW[1] - WINDOW[0], WINDOW[3] - WINDOW[2])
    calibration: ClassVar[Calibration | None] = toolbox_calibration(WINDOW)
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

    def counts(self, train: int) -> dict[str, int]:
        return {"train": train, "val": max(1, train // 4)}

    def names(self, split: str, count: int) -> Sequence[str]:
        return [f"{split}_{number:04d}" for number in range(1, count + 1)]

    def files(self, place: Place) -> Mapping[str, Encode]:
        return {
            f"images/{place.name}.jpg": lambda frame: frame.image,
            f"segmentation/{place.name}.png": self.segmentation,
            f"depth/{place.name}.npy": lambda frame: np.nan_to_num(frame.depth),
            f"normals/{place.name}.npy": lambda frame: np.nan_to_num(-frame.normals),
            f"edge/{place.name}.npy": lambda frame: boundaries(frame).astype(np.float32),
        }

    def shared(self, places: Sequence[Place], size: tuple[int, int]) -> Mapping[str, Any]:
        lists: dict[str, str] = {"gt_sets/train.txt": "", "gt_sets/val.txt": ""}
        for place in places:
            lists[f"gt_sets/{place.split}.txt"] += f"{place.name}\n"
        return lists

    def segmentation(self, frame: Frame) -> UInt8[np.ndarray, "height width"]:
        return self.class_ids(frame).astype(np.uint8)


class NYUDv2Images(NYUDv2Arrays):
    """The tree `NYUDv2` of the later papers: images, normals and boundaries as PNG."""

    form: ClassVar[str] = "png"

    def files(self, place: Place) -> Mapping[str, Encode]:
        return {
            f"images/{place.name}.png": lambda frame: frame.image,
            f"segmentation/{place.name}.png": self.segmentation,
            f"depth/{place.name}.npy": lambda frame: np.nan_to_num(frame.depth),
            f"normals/{place.name}.png": lambda frame: normal_codes(-frame.normals),
            f"edge/{place.name}.png": lambda frame: boundaries(frame).astype(np.uint8) * 255,
        }


def boundaries(frame: Frame) -> Bool[np.ndarray, "height width"]:
    """Whether the neighbour to the right or below is of another class."""
    classes = frame.segmentation
    edge = np.zeros(classes.shape, bool)
    edge[:, :-1] |= classes[:, :-1] != classes[:, 1:]
    edge[:-1] |= classes[:-1] != classes[1:]
    return edge
