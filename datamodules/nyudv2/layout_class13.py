"""Scenes as the archives of NYUDv2 in 13 classes, beside the official file."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import UInt8

from datamodules.nyudv2.class13 import ARCHIVES
from datamodules.nyudv2.classes import NYU_SPACES, train_ids_of_raw
from datamodules.nyudv2.layout_official import OfficialNYUDv2
from datamodules.rendering import Frame
from datamodules.writing.codes import normal_codes
from datamodules.writing.layout import Encode, Layout, Place
from datamodules.writing.views import Views


class NYUDv2Class13(OfficialNYUDv2):
    """Every archive in a folder of its own name, and the official file, which has the depth.

    - `nyu_{train,test}_rgb`: PNG images. `nyuv2_{train,test}_class13`: ids 1 to 13.
      `nyu_normals_gt`: 8-bit RGB, x left, y up, z to the camera.
    - The number of a frame is that in the official file. Every scene is drawn twice, for the
      pictures and for that file.
    """

    form: ClassVar[str] = "class13"
    config: ClassVar[str] = "nyudv2_sdn_13"

    def places(self, train: int) -> list[Place]:
        numbered = enumerate(super().places(train), start=1)
        return [replace(place, name=str(number)) for number, place in numbered]

    def files(self, place: Place) -> Mapping[str, Encode]:
        encoders: Mapping[str, Encode] = {
            "image": lambda frame: frame.image,
            "segmentation": self.thirteen,
            "normals": lambda frame: normal_codes(-frame.normals),
        }
        return {
            ARCHIVES[kind][0].file(Path(), place.split, int(place.name)).as_posix(): encode
            for kind, encode in encoders.items()
        }

    def all_files(self, places: Sequence[Place], size: tuple[int, int]) -> list[str]:
        return [*Layout.all_files(self, places, size), *super().all_files(places, size)]

    def write(self, root: Path, places: Sequence[Place], views: Views, processes: int) -> None:
        Layout.write(self, root, places, views, processes)
        super().write(root, places, views, processes)

    def thirteen(self, frame: Frame) -> UInt8[np.ndarray, "height width"]:
        """The frame's classes as the ids 1 to 13."""
        return train_ids_of_raw(NYU_SPACES["nyu_13"])[self.class_ids(frame)] + np.uint8(1)
