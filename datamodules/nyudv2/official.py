"""The authors' own `nyu_depth_v2_labeled.mat`, with `splits.mat` beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import Integer

from datamodules.disk.images import unreadable
from datamodules.disk.matlab import read_numbers
from datamodules.disk.values import classes_of, metres
from datamodules.nyudv2.class13 import Class13Archives
from datamodules.nyudv2.classes import train_ids_of_raw
from datamodules.nyudv2.form import Form, Frame, window_camera
from datamodules.nyudv2.labeled import LABELED, SPLITS, LabeledFile, missing
from datamodules.transforms import Sample

_INDICES = {"train": "trainNdxs", "val": "testNdxs", "test": "testNdxs"}


@dataclass(frozen=True)
class OfficialFile(Form):
    """Frames out of the MATLAB 7.3 file (HDF5): image, raw labels, depth filled in or as sensed.

    The file is opened for each sample and closed again: an HDF5 handle does not survive a fork,
    and opening takes little beside decompressing a frame.
    """

    ships: ClassVar[frozenset[str]] = frozenset({"segmentation", "depth"})
    whole: ClassVar[bool] = True

    @staticmethod
    def is_in(root: Path) -> bool:
        # Beside the 13-class archives that file is where their depth comes from.
        return (root / LABELED).exists() and not Class13Archives.is_in(root)

    def frames(self, split: str) -> Sequence[Frame]:
        file = self.root / SPLITS
        key = _INDICES[split]
        numbers = _frame_numbers(file, key)
        with LabeledFile(self.root / LABELED) as labeled:
            count = labeled.count()
        outside = numbers[(numbers < 1) | (numbers > count)]
        if outside.size:
            found = f"{outside[:5].tolist()} in `{key}`"
            raise unreadable(
                file, f"hold numbers of frames from 1 to {count}, as in {LABELED}", found
            )
        return [Frame(f"nyu_{number:04d}", str(number), key) for number in sorted(numbers)]

    def __call__(self, frame: Frame, tasks: Sequence[str]) -> Sample:
        place = int(frame.key) - 1
        file = self.root / LABELED
        with LabeledFile(file) as labeled:
            image = labeled.read("images", place, self.window, np.uint8)
            sample: Sample = {
                "name": frame.name,
                "image": np.ascontiguousarray(image),
                "camera": window_camera(self.window),
            }
            if "segmentation" in tasks:
                ids = labeled.read("labels", place, self.window, np.uint16)
                sample["segmentation"] = classes_of(file, ids, train_ids_of_raw(self.space))
            if "depth" in tasks:
                key = "rawDepths" if self.raw_depth else "depths"
                depth = labeled.read(key, place, self.window, np.float32)
                sample["depth"] = metres(file, depth, self.depth_range)
        return sample


def _frame_numbers(file: Path, key: str) -> Integer[np.ndarray, " frames"]:
    if not file.is_file():
        raise missing(file)
    numbers = read_numbers(file, key)
    if not numbers.size or len(np.unique(numbers)) < numbers.size:
        found = f"{numbers.size} numbers, {len(np.unique(numbers))} of them distinct"
        raise unreadable(file, f"hold distinct frame numbers in `{key}`", found)
    return numbers
