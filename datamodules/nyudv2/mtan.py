"""The folders of `.npy` files that MTAN and the methods after it train on, in 13 classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from datamodules.label_spaces_nyu import NYU_13
from datamodules.nyudv2.arrays import (
    metres,
    read_npy,
    shares,
    shifted_ids,
    unit_normals,
    unreadable,
)
from datamodules.nyudv2.form import Form, Frame
from datamodules.transforms import Sample

_FOLDERS = {"train": "train", "val": "val", "test": "val"}


@dataclass(frozen=True)
class MtanTree(Form):
    """`{train,val}/{image,label,depth,normal}/<number>.npy`, image in [0, 1], label -1 unknown."""

    ships: ClassVar[frozenset[str]] = frozenset({"segmentation", "depth", "normals"})

    @staticmethod
    def is_in(root: Path) -> bool:
        return (root / "train" / "image").is_dir()

    def check_settings(self) -> None:
        super().check_settings()
        if self.space.space != NYU_13:
            self.refuse("label_space", self.space.space.name, f"`{NYU_13.name}`, as in the tree")
        if self.boundaries:
            self.refuse("edges", "boundaries", "`sobel`: this tree ships no boundaries")

    def frames(self, split: str) -> Sequence[Frame]:
        folder = self.root / _FOLDERS[split] / "image"
        files = sorted(folder.glob("*.npy"))
        if not files:
            raise FileNotFoundError(f"`{folder}` should hold `.npy` images. Unpack it again.")
        for file in files:
            if not file.stem.isdecimal():
                raise unreadable(folder, "files named `<number>.npy`", f"`{file.name}`")
        numbers = sorted(int(file.stem) for file in files)
        return [Frame(f"{_FOLDERS[split]}_{number:04d}", str(number), split) for number in numbers]

    def __call__(self, frame: Frame, tasks: Sequence[str]) -> Sample:
        def file(kind: str) -> Path:
            return self.root / _FOLDERS[frame.split] / kind / f"{frame.key}.npy"

        stored = read_npy(file("image"), dimensions=3, channels=3)
        image = np.rint(255 * shares(file("image"), stored, "an image")).astype(np.uint8)
        sample: Sample = {"name": frame.name, "image": image}
        if "segmentation" in tasks:
            stored = read_npy(file("label"), dimensions=2)
            sample["segmentation"] = shifted_ids(file("label"), stored, len(NYU_13.labels.names))
        if "depth" in tasks:
            stored = read_npy(file("depth"), dimensions=3, channels=1)
            sample["depth"] = metres(file("depth"), stored[..., 0], self.depth_range)
        if "normals" in tasks:
            stored = read_npy(file("normal"), dimensions=3, channels=3)
            sample["normals"] = unit_normals(file("normal"), stored, self.normals_axes)
        return sample
