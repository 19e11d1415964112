"""What every layout of files that scenes can be written in has to say of itself."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import numpy as np
from jaxtyping import UInt8

from datamodules.processes.parallel import alive, in_processes
from datamodules.processes.progress import tracked
from datamodules.rendering import SCENERIES, Frame
from datamodules.writing.files import save
from datamodules.writing.views import Calibration, Views

Encode: TypeAlias = Callable[[Any], Any]
"""What of a view goes into one file: an array, a text or a JSON object."""

GOES_ON = "The same command, given again, goes on where this one stopped."


@dataclass(frozen=True)
class Place:
    """One scene to be written.

    Attributes:
        split: `train`, `val` or `test`, or one beside them that the dataset has.
        index: Its number within the split, which decides what is to be seen.
        name: What the dataset calls it, in the layout's own terms.
    """

    split: str
    index: int
    name: str


class Layout(ABC):
    """The folders, file names and codes of one dataset.

    A subclass is one form of a dataset on disk; `files` says what is written for one scene, and
    is the only place that knows a file's name.
    """

    word: ClassVar[str]
    """The dataset's word in `lightning scenes --as`."""
    form: ClassVar[str]
    """The word for this form of it, in `--form`."""
    config: ClassVar[str]
    """An experiment that can be run with it."""
    alone: ClassVar[bool] = True
    """Whether that experiment reads it alone, and not with other datasets."""
    scenery: ClassVar[str]
    """`room`, `street` or `photo`; `object`s are drawn by their layout."""
    size: ClassVar[tuple[int, int]]
    """Height and width of the dataset's own images."""
    calibration: ClassVar[Calibration | None] = None
    """The dataset's camera, where all its images share one."""
    ids: ClassVar[Mapping[str, int]]
    """The dataset's class id of every class of the scenes."""
    held_out: ClassVar[tuple[str, ...]] = ("val", "test")
    """The splits beside `train`."""

    def counts(self, train: int) -> dict[str, int]:
        """How many scenes each split gets beside `train` for training: a quarter, at least 1."""
        return {"train": train} | dict.fromkeys(self.held_out, max(1, train // 4))

    def places(self, train: int) -> list[Place]:
        """All scenes to be written."""
        return [
            Place(split, index, name)
            for split, count in self.counts(train).items()
            for index, name in enumerate(self.names(split, count))
        ]

    @abstractmethod
    def names(self, split: str, count: int) -> Sequence[str]:
        """What the dataset calls the first `count` samples of a split.

        Raises:
            ValueError: The dataset's numbering has no room for so many.
        """

    @abstractmethod
    def files(self, place: Place) -> Mapping[str, Encode]:
        """Path below the root, and what goes into it, of every file of one scene."""

    def shared(self, places: Sequence[Place], size: tuple[int, int]) -> Mapping[str, Any]:
        """Path below the root and content of the files that belong to many scenes at once."""
        return {}

    def write(
        self, root: Path, places: Sequence[Place], views: Views, processes: int | None = None
    ) -> None:
        """Write all files; scenes whose files are all there are kept as they are.

        Args:
            root: The dataset's folder.
            places: All scenes, whether written already or not.
            views: Draws them.
            processes: How many draw at once; 0 draws in this process.
        """
        missing = [place for place in places if not self.is_written(root, place)]
        done = len(places) - len(missing)
        writer = partial(self._draw, root, views, missing)
        results = alive(in_processes(writer, len(missing), processes), "Scene {}".format, GOES_ON)
        for _ in tracked(results, f"Drawing {root}", len(places), done):
            pass
        for path, content in self.shared(places, views.size).items():
            save(root / path, content)

    def _draw(self, root: Path, views: Views, places: Sequence[Place], number: int) -> None:
        """Draws and writes one of the scenes that are missing."""
        place = places[number]
        view = self.view(views, place)
        for path, encode in self.files(place).items():
            save(root / path, encode(view))

    def view(self, views: Views, place: Place) -> Any:
        """What is to be seen at a place: a frame."""
        return views(place.split, place.index)

    def is_written(self, root: Path, place: Place) -> bool:
        return all((root / path).is_file() for path in self.files(place))

    def class_ids(self, frame: Frame) -> UInt8[np.ndarray, "height width"]:
        """The frame's classes as the dataset's ids."""
        ids = [self.ids[name] for name, _ in SCENERIES[self.scenery].classes]
        return np.array(ids, np.uint8)[frame.segmentation]


def take(names: Sequence[str], count: int, what: str) -> Sequence[str]:
    """The first names of a dataset's own numbering, or an error if there are not so many."""
    if count > len(names):
        raise ValueError(
            f"`count` asks for {count} {what}, and the dataset's own numbering ends at"
            f" {len(names)}. Ask for fewer."
        )
    return names[:count]
