"""The authors' own `nyu_depth_v2_labeled.mat`, with `splits.mat` beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import h5py
import numpy as np
import scipy.io
from jaxtyping import Integer, Shaped

from datamodules.label_spaces_nyu import train_ids_of_raw
from datamodules.nyudv2.arrays import classes_of, metres, unreadable
from datamodules.nyudv2.form import FRAME_SIZE, Form, Frame, window_camera
from datamodules.transforms import Sample

LABELED = "nyu_depth_v2_labeled.mat"
SPLITS = "splits.mat"
_INDICES = {"train": "trainNdxs", "val": "testNdxs", "test": "testNdxs"}


@dataclass(frozen=True)
class OfficialFile(Form):
    """Frames out of the MATLAB 7.3 file (HDF5): image, raw labels, depth filled in or as sensed.

    The file is opened for each sample and closed again: an HDF5 handle does not survive a fork,
    and opening takes little beside decompressing a frame.
    """

    ships: ClassVar[frozenset[str]] = frozenset({"segmentation", "depth"})

    @staticmethod
    def is_in(root: Path) -> bool:
        return (root / LABELED).exists()

    def check_settings(self) -> None:
        if self.boundaries:
            self.refuse("edges", "boundaries", "`sobel`: the official file ships no boundaries")
        top, bottom, left, right = self.window
        height, width = FRAME_SIZE
        if not (0 <= top < bottom <= height and 0 <= left < right <= width):
            expected = f"[top, bottom, left, right) within {height} rows and {width} columns"
            self.refuse("window", self.window, expected)

    def frames(self, split: str) -> Sequence[Frame]:
        file = self.root / SPLITS
        numbers = _frame_numbers(file, _INDICES[split])
        with _Labeled(self.root / LABELED) as labeled:
            count = labeled.count()
        outside = numbers[(numbers < 1) | (numbers > count)]
        if outside.size:
            found = f"{outside[:5].tolist()} in `{_INDICES[split]}`"
            raise unreadable(file, f"numbers of frames from 1 to {count}, as in {LABELED}", found)
        return [Frame(f"nyu_{number:04d}", str(number), split) for number in sorted(numbers)]

    def __call__(self, frame: Frame, tasks: Sequence[str]) -> Sample:
        place = int(frame.key) - 1
        file = self.root / LABELED
        with _Labeled(file) as labeled:
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


class _Labeled:
    """The open MATLAB file; every failure in it names the file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __enter__(self) -> "_Labeled":
        if not self.file.is_file():
            raise _missing(self.file)
        # HDF5 opens files behind Python's back; this shows a prepared copy which one it is made of.
        self.file.open("rb").close()
        try:
            # Nobody writes to it: without locks it can also lie on a network or read-only disk.
            self.handle = h5py.File(self.file, "r", locking=False)
        except OSError as error:
            raise unreadable(self.file, "a whole MATLAB 7.3 (HDF5) file", str(error)) from error
        return self

    def __exit__(self, *exception: object) -> None:
        self.handle.close()

    def count(self) -> int:
        return int(self._stack("images", np.uint8).shape[0])

    def read(
        self, key: str, place: int, window: tuple[int, int, int, int], dtype: Any
    ) -> Shaped[np.ndarray, "height width ..."]:
        """One frame's window; MATLAB's axes come out reversed: [frame, (channel,) column, row]."""
        top, bottom, left, right = window
        stack = self._stack(key, dtype)
        if place >= stack.shape[0]:
            found = f"{stack.shape[0]} frames in `{key}`"
            raise unreadable(self.file, f"at least {place + 1} frames", found)
        try:
            stored = stack[place, ..., left:right, top:bottom]
        except (OSError, RuntimeError) as error:
            expected = f"readable data of frame {place + 1} in `{key}`"
            raise unreadable(self.file, expected, str(error)) from error
        return np.asarray(stored).T

    def _stack(self, key: str, dtype: Any) -> Any:
        try:
            stack = self.handle[key]
        except (KeyError, OSError, RuntimeError) as error:
            expected = f"a data set `{key}`"
            raise unreadable(self.file, expected, str(error)) from error
        height, width = FRAME_SIZE
        shape = ((3,) if key == "images" else ()) + (width, height)
        if not isinstance(stack, h5py.Dataset) or stack.shape[1:] != shape or stack.dtype != dtype:
            expected = f"`{key}` of type {np.dtype(dtype)}, each frame of shape {shape}"
            found = f"{getattr(stack, 'dtype', 'a group')} {getattr(stack, 'shape', '')}"
            raise unreadable(self.file, expected, found)
        return stack


def _frame_numbers(file: Path, key: str) -> Integer[np.ndarray, " frames"]:
    if not file.is_file():
        raise _missing(file)
    try:
        content = scipy.io.loadmat(file)
    except Exception as error:  # a damaged file ends in nearly any exception
        raise unreadable(file, "a whole MATLAB 5 file", str(error)) from error
    numbers = np.ravel(content.get(key, [])).astype(np.int64)
    if not numbers.size or len(np.unique(numbers)) < numbers.size:
        found = f"{numbers.size} numbers, {len(np.unique(numbers))} of them distinct"
        raise unreadable(file, f"distinct frame numbers in `{key}`", found)
    return numbers


def _missing(file: Path) -> FileNotFoundError:
    return FileNotFoundError(
        f"`{file}` should be there: the official form of NYUDv2 is {LABELED} and {SPLITS} side by"
        " side. Download it from the authors' page."
    )
