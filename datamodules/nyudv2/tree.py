"""The folders of the multi-task papers, `NYUD_MT.tgz` and `NYUDv2.tar.gz`."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import Float32, UInt8

from datamodules.disk.agreement import same_size
from datamodules.disk.images import read_grey8, read_rgb, unreadable
from datamodules.disk.listing import matches
from datamodules.disk.pairs import Labelled, first_missing
from datamodules.disk.spelling import read_text, spelled
from datamodules.disk.values import (
    classes_of,
    decoded_normals,
    metres,
    read_npy,
    shares,
    unit_normals,
)
from datamodules.nyudv2.classes import train_ids
from datamodules.nyudv2.form import WINDOW, WINDOW_SIZE, Form, Frame, window_camera
from datamodules.transforms import Sample

_LISTS = {"train": "train.txt", "val": "val.txt", "test": "val.txt"}

# The two archives have the same folders, and differ in how they store what is in them.
_SUFFIXES: Mapping[str, tuple[str, ...]] = {
    "images": (".jpg", ".png"),
    "segmentation": (".png",),
    "depth": (".npy",),
    "normals": (".npy", ".png"),
    "edge": (".npy", ".png"),
}
_FOLDERS: Mapping[str, str] = {task: task for task in _SUFFIXES} | {"edges": "edge"}
_ANY = re.compile(r"(.+)(\.[a-z]+)")  # a name and its suffix


@dataclass(frozen=True)
class MultitaskTree(Form):
    """Folders of images, classes, depth, normals and boundaries; `gt_sets` lists the names."""

    ships: ClassVar[frozenset[str]] = frozenset({"segmentation", "depth", "normals"})
    ships_boundaries: ClassVar[bool] = True

    @staticmethod
    def is_in(root: Path) -> bool:
        return (root / "gt_sets").is_dir()

    def frames(self, split: str) -> Sequence[Frame]:
        file = self.root / "gt_sets" / _LISTS[split]
        if not file.is_file():
            raise FileNotFoundError(f"`{file}` should list the split `{split}`. Unpack it again.")
        try:
            names = read_text(file).split()
        except UnicodeDecodeError as error:
            raise unreadable(file, "hold one name per line", "bytes that are no text") from error
        odd = [name for name in names if Path(name).name != name]
        if not names or odd or len(set(names)) < len(names):
            found = f"{len(names)} names, {len(set(names))} distinct, {odd[:5]} with folders"
            raise unreadable(file, "hold one distinct file name per line", found)
        return [Frame(name, name, _LISTS[split]) for name in sorted(names)]

    def labelled(self, split: str, task: str) -> Labelled:
        # A list names the frames, so an image can be missing, too.
        folders = (_FOLDERS[task], "images")
        whole = set.intersection(*(self._names(folder) for folder in folders))
        return Labelled(
            [frame for frame in self.frames(split) if frame.key in whole],
            lambda frame: first_missing([self._file(folder, frame.key) for folder in folders]),
        )

    def __call__(self, frame: Frame, tasks: Sequence[str]) -> Sample:
        image = read_rgb(self._file("images", frame.key))
        sample: Sample = {"name": frame.name, "image": image}
        # Another size was cut or scaled in a way that nobody wrote down: its camera is unknown.
        if image.shape[:2] == WINDOW_SIZE:
            sample["camera"] = window_camera(WINDOW)
        readers: Mapping[str, Callable[[Path], np.ndarray]] = {
            "segmentation": self._segmentation,
            "depth": self._depth,
            "normals": self._normals,
            "edges": self._boundaries,
        }
        for task in tasks:
            file = self._file(_FOLDERS[task], frame.key)
            sample[task] = same_size(frame.name, image, task, file, readers[task](file))
        return sample

    def _segmentation(self, file: Path) -> UInt8[np.ndarray, "height width"]:
        return classes_of(file, read_grey8(file), train_ids(self.space))

    def _depth(self, file: Path) -> Float32[np.ndarray, "height width"]:
        return metres(file, read_npy(file, dimensions=2), self.depth_range)

    def _normals(self, file: Path) -> Float32[np.ndarray, "height width 3"]:
        if file.suffix.lower() == ".png":
            stored = decoded_normals(read_rgb(file))
        else:
            stored = read_npy(file, dimensions=3, channels=3)
        return unit_normals(file, stored, self.normals_axes)

    def _boundaries(self, file: Path) -> Float32[np.ndarray, "height width"]:
        if file.suffix.lower() == ".png":
            return read_grey8(file) / np.float32(255)
        return shares(file, read_npy(file, dimensions=2), "boundaries")

    def _names(self, folder: str) -> set[str]:
        listed = matches(self.root / folder, _ANY)
        return {match[1] for match in listed if match[2] in _SUFFIXES[folder]}

    def _file(self, folder: str, name: str) -> Path:
        files = [self.root / folder / f"{name}{suffix}" for suffix in _SUFFIXES[folder]]
        # Where none exists the first is handed on: reading it says what is missing.
        return next((each for file in files if (each := spelled(file)).is_file()), files[0])
