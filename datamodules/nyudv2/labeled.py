"""The authors' `nyu_depth_v2_labeled.mat`, opened."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from jaxtyping import Shaped

from datamodules.disk.images import unreadable
from datamodules.nyudv2.form import FRAME_SIZE

LABELED = "nyu_depth_v2_labeled.mat"
SPLITS = "splits.mat"


class LabeledFile:
    """The open MATLAB file; every failure in it names the file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __enter__(self) -> "LabeledFile":
        if not self.file.is_file():
            raise missing(self.file)
        # HDF5 opens files behind Python's back; this shows a prepared copy which one it is made of.
        self.file.open("rb").close()
        try:
            # Nobody writes to it: without locks it can also lie on a network or read-only disk.
            self.handle = h5py.File(self.file, "r", locking=False)
        except OSError as error:
            raise unreadable(self.file, "hold a MATLAB 7.3 (HDF5) file", str(error)) from error
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
            raise unreadable(self.file, f"hold at least {place + 1} frames", found)
        try:
            stored = stack[place, ..., left:right, top:bottom]
        except (OSError, RuntimeError) as error:
            expected = f"hold readable data of frame {place + 1} in `{key}`"
            raise unreadable(self.file, expected, str(error)) from error
        return np.asarray(stored).T

    def _stack(self, key: str, dtype: Any) -> Any:
        try:
            stack = self.handle[key]
        except (KeyError, OSError, RuntimeError) as error:
            expected = f"hold a data set `{key}`"
            raise unreadable(self.file, expected, str(error)) from error
        height, width = FRAME_SIZE
        shape = ((3,) if key == "images" else ()) + (width, height)
        if not isinstance(stack, h5py.Dataset) or stack.shape[1:] != shape or stack.dtype != dtype:
            expected = f"hold `{key}` of type {np.dtype(dtype)}, each frame of shape {shape}"
            found = f"{getattr(stack, 'dtype', 'a group')} {getattr(stack, 'shape', '')}"
            raise unreadable(self.file, expected, found)
        return stack


def missing(file: Path) -> FileNotFoundError:
    return FileNotFoundError(
        f"`{file}` should be there: the official form of NYUDv2 is {LABELED} and {SPLITS} side by"
        " side. Download it from the authors' page."
    )
