"""What every form in which NYUDv2 is found on disk has to give."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
from jaxtyping import Float32

from datamodules.disk.pairs import Labelled
from datamodules.labels import ClassMap, LabelSpace
from datamodules.transforms import Sample

# Rows and columns [top, bottom, left, right) of the window that the multi-task trees hold: inside
# the white frame of the images, and where the depth camera saw something.
WINDOW = (45, 470, 40, 600)
WINDOW_SIZE = (WINDOW[1] - WINDOW[0], WINDOW[3] - WINDOW[2])
FRAME_SIZE = (480, 640)

# fx, fy, cx, cy of the colour camera, from the authors' toolbox, which counts pixel centres from 1:
# the upper left corner of the first pixel, our (0, 0), is at (0.5, 0.5) there.
TOOLBOX_CAMERA = (518.8579, 519.46961, 325.58245, 253.73617)
TOOLBOX_CORNER = 0.5


def window_camera(window: tuple[int, int, int, int]) -> Float32[np.ndarray, "4"]:
    """fx, fy, cx, cy of a window of the official frames, (0, 0) being its upper left corner."""
    top, _, left, _ = window
    corner = (0, 0, TOOLBOX_CORNER + left, TOOLBOX_CORNER + top)
    return np.subtract(TOOLBOX_CAMERA, corner).astype(np.float32)


class Frame(NamedTuple):
    """One sample: its name, where it is in the form's own terms, and in which part of it."""

    name: str
    key: str
    part: str


@dataclass(frozen=True)
class Form(ABC):
    """Finds the samples of each split in one layout of files, and reads one when called.

    Attributes:
        root: The folder that holds the layout.
        space: In which of the spaces for NYUDv2 the classes are given.
        depth_range: Nearest and farthest depth in metres that count as known.
        window: Rows and columns [top, bottom, left, right) cut out of the official frames.
        raw_depth: Whether depth is the sensor's, with holes, in place of the filled-in one.
        boundaries: Whether the tree's own object boundaries are the edges.
        normals_axes: Signs that turn stored normals into x right, y down, z into the scene.
    """

    root: Path
    space: ClassMap
    depth_range: tuple[float, float]
    window: tuple[int, int, int, int]
    raw_depth: bool
    boundaries: bool
    normals_axes: tuple[int, int, int]

    ships: ClassVar[frozenset[str]]
    """Tasks whose labels are in the files, beside those that can be derived."""

    ships_boundaries: ClassVar[bool] = False
    classes: ClassVar[LabelSpace | None] = None
    """The classes that the files hold, if they hold but one of the spaces."""
    whole: ClassVar[bool] = False
    """Whether frames are whole, to be cut by `window`, and depth is there as sensed, too."""

    def __post_init__(self) -> None:
        """Raise an error for settings that this form cannot follow."""
        if self.boundaries and not self.ships_boundaries:
            self.refuse("edges", "boundaries", "`sobel`: this form ships no boundaries")
        if self.classes and self.space.space != self.classes:
            expected = f"`{self.classes.name}`, as in the files"
            self.refuse("label_space", self.space.space.name, expected)
        if self.whole:
            self._check_window()
        elif self.raw_depth:
            self.refuse("raw_depth", True, "false: only the official file has that")
        elif self.window != WINDOW:
            self.refuse("window", self.window, f"{WINDOW}: these frames are cut out already")

    @staticmethod
    @abstractmethod
    def is_in(root: Path) -> bool:
        """Whether a folder looks like this form."""

    def _check_window(self) -> None:
        top, bottom, left, right = self.window
        height, width = FRAME_SIZE
        if not (0 <= top < bottom <= height and 0 <= left < right <= width):
            expected = f"[top, bottom, left, right) within {height} rows and {width} columns"
            self.refuse("window", self.window, expected)

    def lacking(self, tasks: Sequence[str]) -> list[str]:
        """Files and folders that these tasks need, of which there is no trace."""
        return []

    @abstractmethod
    def frames(self, split: str) -> Sequence[Frame]:
        """The samples of `train`, `val` or `test`, in order."""

    @abstractmethod
    def __call__(self, frame: Frame, tasks: Sequence[str]) -> Sample:
        """Read one sample; of the labels only those that are asked for."""

    def labelled(self, split: str, task: str) -> Labelled | None:
        """What there is of the labels of a shipped task; None where all are in one file."""
        return None

    def refuse(self, setting: str, found: object, expected: str) -> None:
        raise ValueError(
            f"`{setting}` should be {expected}; found {found!r} for the {type(self).__name__}"
            f" in `{self.root}`. Change the setting, or point `root` at another form of NYUDv2."
        )
