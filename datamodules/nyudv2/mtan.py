"""The folders of `.npy` files that MTAN and the methods after it train on, in 13 classes."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import Float32, UInt8

from datamodules.disk.agreement import same_size
from datamodules.disk.images import unreadable
from datamodules.disk.listing import matches
from datamodules.disk.pairs import Labelled
from datamodules.disk.values import metres, read_npy, shares, unit_normals
from datamodules.labels import IGNORE, LabelSpace
from datamodules.nyudv2.classes import NYU_13
from datamodules.nyudv2.form import Form, Frame
from datamodules.transforms import Sample

_FOLDERS = {"train": "train", "val": "val", "test": "val"}
_KINDS: Mapping[str, str] = {"segmentation": "label", "depth": "depth", "normals": "normal"}
_ARRAY = re.compile(r"(\d+)\.npy")
_ANY_ARRAY = re.compile(r"(.+)\.npy")


@dataclass(frozen=True)
class MtanTree(Form):
    """`{train,val}/{image,label,depth,normal}/<number>.npy`, image in [0, 1], label -1 unknown."""

    ships: ClassVar[frozenset[str]] = frozenset({"segmentation", "depth", "normals"})
    classes: ClassVar[LabelSpace | None] = NYU_13

    @staticmethod
    def is_in(root: Path) -> bool:
        return (root / "train" / "image").is_dir()

    def frames(self, split: str) -> Sequence[Frame]:
        folder = self.root / _FOLDERS[split] / "image"
        names = [match[1] for match in matches(folder, _ANY_ARRAY)]
        if not names:
            raise FileNotFoundError(f"`{folder}` should hold `.npy` images. Unpack it again.")
        for name in names:
            if not name.isdecimal():
                raise unreadable(folder, "hold files named `<number>.npy`", f"`{name}.npy`")
        return _numbered(split, names)

    def labelled(self, split: str, task: str) -> Labelled:
        kind = _KINDS[task]
        names = (match[1] for match in matches(self.root / _FOLDERS[split] / kind, _ARRAY))
        return Labelled(_numbered(split, names), lambda frame: self._file(frame, kind))

    def __call__(self, frame: Frame, tasks: Sequence[str]) -> Sample:
        file = self._file(frame, "image")
        stored = read_npy(file, dimensions=3, channels=3)
        image = np.rint(255 * shares(file, stored, "an image")).astype(np.uint8)
        sample: Sample = {"name": frame.name, "image": image}
        readers = {
            "segmentation": self._segmentation,
            "depth": self._depth,
            "normals": self._normals,
        }
        for task in tasks:
            file = self._file(frame, _KINDS[task])
            sample[task] = same_size(frame.name, image, task, file, readers[task](file))
        return sample

    def _segmentation(self, file: Path) -> UInt8[np.ndarray, "height width"]:
        stored, classes = read_npy(file, dimensions=2), len(NYU_13.labels.names)
        if not (np.isin(stored, np.arange(-1, classes))).all():
            expected = f"hold whole class ids from -1 to {classes - 1}"
            raise unreadable(file, expected, f"values from {stored.min()} to {stored.max()}")
        return np.where(stored < 0, IGNORE, stored).astype(np.uint8)

    def _depth(self, file: Path) -> Float32[np.ndarray, "height width"]:
        return metres(file, read_npy(file, dimensions=3, channels=1)[..., 0], self.depth_range)

    def _normals(self, file: Path) -> Float32[np.ndarray, "height width 3"]:
        return unit_normals(file, read_npy(file, dimensions=3, channels=3), self.normals_axes)

    def _file(self, frame: Frame, kind: str) -> Path:
        return self.root / frame.part / kind / f"{frame.key}.npy"


def _numbered(split: str, names: Iterable[str]) -> list[Frame]:
    folder = _FOLDERS[split]
    return [Frame(f"{folder}_{each:04d}", str(each), folder) for each in sorted(map(int, names))]
