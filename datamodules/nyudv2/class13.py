"""The archives of images and 13 classes, by Handa et al., and of normals, by Ladický et al."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
from jaxtyping import Float32, Shaped, UInt8

from datamodules.disk.agreement import same_size
from datamodules.disk.images import read_grey8, read_rgb, unreadable
from datamodules.disk.listing import matches
from datamodules.disk.pairs import Labelled
from datamodules.disk.values import classes_of, decoded_normals, metres, unit_normals
from datamodules.labels import IGNORE, LabelSpace
from datamodules.nyudv2.classes import NYU_13
from datamodules.nyudv2.form import FRAME_SIZE, Form, Frame, window_camera
from datamodules.nyudv2.labeled import LABELED, LabeledFile
from datamodules.transforms import Sample

_SPLITS = {"train": "train", "val": "test", "test": "test"}


class Archive(NamedTuple):
    """The files of one kind and split: `<folder>/<prefix><number>.png`, the number with zeros."""

    folder: str
    prefix: str
    digits: int

    def within(self, root: Path, split: str) -> Path:
        return root / self.folder.format(split=split)

    def file(self, root: Path, split: str, number: int) -> Path:
        return self.within(root, split) / f"{self.prefix}{number:0{self.digits}d}.png"

    def numbers(self, root: Path, split: str) -> list[int]:
        """Of all files that are there, in order."""
        pattern = re.compile(rf"{self.prefix}(\d{{{self.digits}}})\.png")
        return sorted(int(match[1]) for match in matches(self.within(root, split), pattern))


# Each unpacked into a folder of its own name, for there is none inside; and as the loader
# pytorch-nyuv2 renames them.
ARCHIVES: Mapping[str, tuple[Archive, Archive]] = {
    "image": (Archive("nyu_{split}_rgb", "nyu_rgb_", 4), Archive("{split}_rgb", "", 4)),
    "segmentation": (
        Archive("nyuv2_{split}_class13", "new_nyu_class13_", 4),
        Archive("{split}_seg13", "", 4),
    ),
    "normals": (Archive("nyu_normals_gt/{split}", "", 5), Archive("{split}_sn", "", 4)),
}
# Stored from 1 on, and 0 where unlabelled.
_TRAIN_IDS = np.array([IGNORE, *range(len(NYU_13.labels.names))], np.uint8)


@dataclass(frozen=True)
class Class13Archives(Form):
    """Pictures of whole frames, numbered as in the official file, which gives their depth.

    The depth pictures that pytorch-nyuv2 makes are not read: their 16 bits of 0.1 mm begin again
    at 6.5536 m, so that 1 m and 7.5536 m have the same code.
    """

    ships: ClassVar[frozenset[str]] = frozenset({"segmentation", "depth", "normals"})
    classes: ClassVar[LabelSpace | None] = NYU_13
    whole: ClassVar[bool] = True

    @staticmethod
    def is_in(root: Path) -> bool:
        return _is_unpacked("image", root)

    def lacking(self, tasks: Sequence[str]) -> list[str]:
        absent = [
            ARCHIVES[task][0].folder.format(split="{train,test}")
            for task in tasks
            if task in ARCHIVES and not _is_unpacked(task, self.root)
        ]
        if "depth" in tasks and not (self.root / LABELED).is_file():
            absent.append(LABELED)
        return absent

    def frames(self, split: str) -> Sequence[Frame]:
        frames = self._listed("image", split)
        if not frames:
            part = _SPLITS[split]
            archive = self._archive("image", part)
            folder = archive.within(self.root, part)
            raise FileNotFoundError(
                f"`{folder}` should hold images `{archive.prefix}<number>.png`. Unpack it again."
            )
        return frames

    def labelled(self, split: str, task: str) -> Labelled | None:
        if task not in ARCHIVES:
            return None
        return Labelled(self._listed(task, split), lambda frame: self._file(task, frame))

    def __call__(self, frame: Frame, tasks: Sequence[str]) -> Sample:
        file = self._file("image", frame)
        image = read_rgb(file)
        if image.shape[:2] != FRAME_SIZE:
            height, width = image.shape[:2]
            raise unreadable(file, "hold a whole frame of 480 x 640 pixels", f"{height} x {width}")
        sample: Sample = {
            "name": frame.name,
            "image": self._cut(image),
            "camera": window_camera(self.window),
        }
        readers: Mapping[str, Callable[[Frame], tuple[Path, np.ndarray]]] = {
            "segmentation": self._segmentation,
            "depth": self._depth,
            "normals": self._normals,
        }
        for task in tasks:
            file, label = readers[task](frame)
            sample[task] = self._cut(same_size(frame.name, image, task, file, label))
        return sample

    def _segmentation(self, frame: Frame) -> tuple[Path, UInt8[np.ndarray, "height width"]]:
        file = self._file("segmentation", frame)
        return file, classes_of(file, read_grey8(file), _TRAIN_IDS)

    def _depth(self, frame: Frame) -> tuple[Path, Float32[np.ndarray, "height width"]]:
        file, key = self.root / LABELED, "rawDepths" if self.raw_depth else "depths"
        whole = (0, FRAME_SIZE[0], 0, FRAME_SIZE[1])
        with LabeledFile(file) as labeled:
            stored = labeled.read(key, int(frame.key) - 1, whole, np.float32)
        return file, metres(file, stored, self.depth_range)

    def _normals(self, frame: Frame) -> tuple[Path, Float32[np.ndarray, "height width 3"]]:
        file = self._file("normals", frame)
        stored = decoded_normals(read_rgb(file))
        # How these pictures mark what is unknown is not documented; no normal is black.
        stored[(stored == -1).all(axis=-1)] = 0
        return file, unit_normals(file, stored, self.normals_axes)

    def _cut(self, values: Shaped[np.ndarray, "height width ..."]) -> np.ndarray:
        top, bottom, left, right = self.window
        return np.ascontiguousarray(values[top:bottom, left:right])

    def _listed(self, kind: str, split: str) -> list[Frame]:
        """The frames that there is a file of a kind of."""
        part = _SPLITS[split]
        numbers = self._archive(kind, part).numbers(self.root, part)
        return [Frame(f"nyu_{number:04d}", str(number), part) for number in numbers]

    def _file(self, kind: str, frame: Frame) -> Path:
        archive = self._archive(kind, frame.part)
        return archive.file(self.root, frame.part, int(frame.key))

    def _archive(self, kind: str, part: str) -> Archive:
        """In which of its two places a kind lies; where it lies in none, the first."""
        places = ARCHIVES[kind]
        there = (each for each in places if each.within(self.root, part).is_dir())
        return next(there, places[0])


def _is_unpacked(kind: str, root: Path) -> bool:
    """Whether a kind's folder is there for one of the splits."""
    splits = set(_SPLITS.values())
    return any(each.within(root, split).is_dir() for each in ARCHIVES[kind] for split in splits)
