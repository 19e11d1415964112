"""Scenes as the authors' own `nyu_depth_v2_labeled.mat`, and `splits.mat` beside it."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import cv2
import h5py
import numpy as np
import scipy.io
from jaxtyping import Float32, UInt8

from datamodules.disk.unfinished import ENDING, partial_name
from datamodules.nyudv2.form import FRAME_SIZE
from datamodules.nyudv2.layout import toolbox_calibration
from datamodules.processes.parallel import alive, in_processes
from datamodules.processes.progress import tracked
from datamodules.rendering import Frame
from datamodules.writing.files import write_bytes
from datamodules.writing.layout import Encode, Layout, Place, scene_name
from datamodules.writing.views import Calibration, Scenery, Views

LABELED = "nyu_depth_v2_labeled.mat"
SPLITS = "splits.mat"
RAW_NAMES = 894
_NAMES = {
    3: "cabinet",
    4: "ceiling",
    5: "chair",
    11: "floor",
    19: "table",
    21: "wall",
    64: "picture",
    144: "lamp",
}
UNSEEN = 8
"""The depth sensor sees less than the colour camera: so many pixels along the border are holes."""

# MATLAB puts this in front of the HDF5 data: text, then version 2.0 and the order of bytes.
_USER_BLOCK = 512
_HEADER = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, HDF5 schema 1.00 .".ljust(124) + b"\x00\x02IM"


class OfficialNYUDv2(Layout):
    """The two MATLAB files: frames with raw class ids, depth filled in and as sensed.

    - HDF5 with MATLAB's axes reversed: `images` [frame, channel, column, row].
    - `labels`: the 894 raw ids. `instances`: connected regions of a class, from 1. `rawDepths`: 0
      within 8 pixels of the border. Of `names` those of the classes in the scenes are right.
    - Frames for training come first, then those for test; the dataset has no others.
    - The file is written in one go: a run that was stopped starts again.

    Not written: what no reader needs (accelerometer, file names, `namesToIds`).
    """

    word: ClassVar[str] = "nyudv2"
    form: ClassVar[str] = "mat"
    config: ClassVar[str] = "nyudv2_sdne"
    scenery: ClassVar[Scenery] = "room"
    size: ClassVar[tuple[int, int]] = FRAME_SIZE
    any_size: ClassVar[bool] = False
    calibration: ClassVar[Calibration | None] = toolbox_calibration(
        (0, FRAME_SIZE[0], 0, FRAME_SIZE[1])
    )
    ids: ClassVar[Mapping[str, int]] = {
        "floor": 11,
        "ceiling": 4,
        "wall": 21,
        "panel": 64,  # picture
        "box": 3,  # cabinet
        "sphere": 5,  # chair
        "cylinder": 19,  # table
        "cone": 144,  # lamp
    }

    def counts(self, train: int) -> dict[str, int]:
        return {"train": train, "test": max(1, train // 4)}

    def names(self, split: str, count: int) -> Sequence[str]:
        return [f"{split} {number}" for number in range(count)]

    def files(self, place: Place) -> Mapping[str, Encode]:
        return {}

    def all_files(self, places: Sequence[Place], size: tuple[int, int]) -> list[str]:
        return [LABELED, SPLITS]

    def write(self, root: Path, places: Sequence[Place], views: Views, processes: int) -> None:
        root.mkdir(parents=True, exist_ok=True)
        if not (root / LABELED).is_file():
            self._write_labeled(root / LABELED, places, views, processes)
        numbers = np.arange(1, len(places) + 1, dtype=np.uint16)
        in_train = np.array([place.split == "train" for place in places])
        indices = {"trainNdxs": numbers[in_train, None], "testNdxs": numbers[~in_train, None]}
        buffer = io.BytesIO()
        scipy.io.savemat(buffer, indices)
        write_bytes(root / SPLITS, buffer.getvalue())

    def _write_labeled(
        self, file: Path, places: Sequence[Place], views: Views, processes: int
    ) -> None:
        for abandoned in file.parent.glob(f".{file.name}.*{ENDING}"):  # by a run that was killed
            abandoned.unlink()
        partial = partial_name(file)
        drawn = in_processes(Drawing(places, views), len(places), processes)
        frames = alive(drawn, scene_name, "The same command, given again, starts anew.")
        try:
            with h5py.File(partial, "w", userblock_size=_USER_BLOCK) as handle:
                stacks = _stacks(handle, len(places))
                for number, frame in enumerate(tracked(frames, f"Drawing {file}", len(places))):
                    for key, value in self._values(frame).items():
                        stacks[key][number] = value.T
                _write_cells(handle, "names", _raw_names())
                _write_cells(handle, "sceneTypes", ["living_room"] * len(places))
                _write_cells(handle, "scenes", [f"living_room_{i:04d}" for i in range(len(places))])
            with partial.open("r+b") as start:
                start.write(_HEADER)
            partial.replace(file)
        finally:
            partial.unlink(missing_ok=True)

    def _values(self, frame: Frame) -> dict[str, np.ndarray]:
        return {
            "images": frame.image,
            "depths": frame.depth,
            "rawDepths": _sensed(frame.depth),
            "labels": self.class_ids(frame),
            "instances": _instances(frame.segmentation),
        }


@dataclass(frozen=True)
class Drawing:
    """Draws scene `number` of a list of places."""

    places: Sequence[Place]
    views: Views

    def __call__(self, number: int) -> Frame:
        place = self.places[number]
        return self.views(place.split, place.index)


def _stacks(handle: Any, count: int) -> dict[str, Any]:
    """Empty data sets with one chunk per frame, under the names of MATLAB's types."""
    height, width = FRAME_SIZE
    types = {
        "images": ("uint8", (3, width, height)),
        "depths": ("single", (width, height)),
        "rawDepths": ("single", (width, height)),
        "labels": ("uint16", (width, height)),
        "instances": ("uint8", (width, height)),
    }
    stacks = {}
    for key, (kind, shape) in types.items():
        stacks[key] = handle.create_dataset(
            key, (count, *shape), np.dtype(kind), chunks=(1, *shape), compression=1
        )
        stacks[key].attrs["MATLAB_class"] = np.bytes_(kind)
    return stacks


def _write_cells(handle: Any, key: str, texts: Sequence[str]) -> None:
    """A MATLAB cell of texts: references to one array of UTF-16 codes each."""
    cells = handle.create_dataset(key, (1, len(texts)), h5py.ref_dtype)
    cells.attrs["MATLAB_class"] = np.bytes_("cell")
    for place, text in enumerate(texts):
        codes = np.frombuffer(text.encode("utf-16-le"), np.uint16)[:, None]
        stored = handle.create_dataset(f"#refs#/{key}{place}", data=codes)
        stored.attrs["MATLAB_class"] = np.bytes_("char")
        stored.attrs["MATLAB_int_decode"] = np.int32(2)
        cells[0, place] = stored.ref


def _raw_names() -> list[str]:
    return [_NAMES.get(number, f"name {number}") for number in range(1, RAW_NAMES + 1)]


def _sensed(depth: Float32[np.ndarray, "height width"]) -> Float32[np.ndarray, "height width"]:
    raw = np.zeros_like(depth)
    inside = slice(UNSEEN, -UNSEEN)
    raw[inside, inside] = depth[inside, inside]
    return raw


def _instances(
    classes: UInt8[np.ndarray, "height width"],
) -> UInt8[np.ndarray, "height width"]:
    """The number, from 1, of each pixel's connected region among those of its class."""
    instances = np.zeros_like(classes)
    for number in np.unique(classes):
        of_class = classes == number
        regions = cv2.connectedComponents(of_class.astype(np.uint8))[1]
        instances[of_class] = np.minimum(regions, 255)[of_class]
    return instances
