"""One sample read and looked at."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from datamodules.checks import check_sample
from datamodules.disk.images import damage_refused
from datamodules.labels import IGNORE
from datamodules.samples import Source
from datamodules.transforms import Sample

# Lengths of unit normals that were decoded from 8 bits differ from 1 by less.
LENGTH_TOLERANCE = 0.02


@dataclass
class TaskStatistics:
    """What the labels of one task hold, over one sample or many.

    Attributes:
        pixels: All of them.
        unknown: Those that are NaN or 255.
        empty: Samples in which nothing is known.
        low: Smallest known value, infinite if there is none.
        high: Largest known value, likewise.
        histogram: Pixels per class; empty for a task without classes.
    """

    pixels: int = 0
    unknown: int = 0
    empty: int = 0
    low: float = np.inf
    high: float = -np.inf
    histogram: np.ndarray = field(default_factory=lambda: np.zeros(0, int))

    @classmethod
    def of(cls, label: np.ndarray, classes: int | None) -> "TaskStatistics":
        """Looks at the label of one sample; `classes` is None for a task without classes."""
        known = label[~np.isnan(label) if classes is None else label != IGNORE]
        # A normal counts as one pixel, its three components are unknown together.
        channels = label.shape[2] if label.ndim == 3 else 1
        found = cls(label.size // channels, (label.size - known.size) // channels)
        found.empty = int(known.size == 0)
        if known.size:
            found.low, found.high = float(known.min()), float(known.max())
        if classes is not None:
            found.histogram = np.bincount(known.ravel(), minlength=classes)
        return found

    def __add__(self, other: "TaskStatistics") -> "TaskStatistics":
        return TaskStatistics(
            self.pixels + other.pixels,
            self.unknown + other.unknown,
            self.empty + other.empty,
            min(self.low, other.low),
            max(self.high, other.high),
            self.histogram + other.histogram,
        )


@dataclass
class Examination:
    """One sample: what its labels hold, or why it cannot be used."""

    name: str
    size: tuple[int, int] | None = None
    tasks: dict[str, TaskStatistics] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Examiner:
    """Reads sample number `index` as training would, and looks at it.

    Attributes:
        source: The records and their reader.
        tasks: The tasks to read.
        classes: Number of classes of each task that has classes.
        labelled: Whether there should be something to learn in every sample; test labels may be
            withheld.
        sparse: Tasks that need not be known in every sample all the same.
    """

    source: Source[Any]
    tasks: Sequence[str]
    classes: Mapping[str, int]
    labelled: bool
    sparse: frozenset[str] = frozenset()

    def __call__(self, index: int) -> Examination:
        record = self.source.records[index]
        found = Examination(name_of(record, index))
        try:
            sample = self._read(record, self.tasks)
        except Exception as error:
            # One file may be missing and another be cut off: each task says what is wrong with it.
            for tasks in ([], *([task] for task in self.tasks)):
                self._note_error(found, record, tasks)
            again = "it could be read only the second time; the first"
            found.errors = found.errors or [f"{again}: {type(error).__name__}: {error}"]
            return found
        image = sample["image"]
        found.size = image.shape[:2]
        if self.labelled and (image == image[:1, :1]).all():
            found.errors.append("`image` should show something, found one constant colour")
        for task in self.tasks:
            found.tasks[task] = TaskStatistics.of(sample[task], self.classes.get(task))
            if self.labelled and task not in self.sparse and found.tasks[task].empty:
                found.errors.append(f"`{task}` should be known somewhere, found nothing known")
            if problem := value_problem(task, sample[task]):
                found.errors.append(problem)
        return found

    def _read(self, record: Any, tasks: Sequence[str]) -> Sample:
        with damage_refused():
            sample = self.source.read(record, tasks)
        check_sample(sample, tasks, self.classes)
        return sample

    def _note_error(self, found: Examination, record: Any, tasks: Sequence[str]) -> None:
        try:
            self._read(record, tasks)
        except Exception as error:
            ours = isinstance(error, (ValueError, FileNotFoundError)) and str(error)
            message = str(error) if ours else f"{type(error).__name__}: {error}"
            if message not in found.errors:
                found.errors.append(message)


def name_of(record: Any, index: int) -> str:
    """The name that the record has before it is read, else its number."""
    return str(getattr(record, "name", f"sample number {index}"))


def value_problem(task: str, label: np.ndarray) -> str | None:
    """What no reader should give though it is finite, in words; None if all is well."""
    if task not in _VALUES:
        return None
    expected, is_wrong = _VALUES[task]
    wrong = int(is_wrong(label).sum())
    return f"`{task}` should {expected}, found {wrong} other pixels" if wrong else None


def _has_other_length(normals: np.ndarray) -> np.ndarray:
    length = np.sqrt(np.einsum("...c,...c->...", normals, normals))
    return np.abs(length - 1) > LENGTH_TOLERANCE


_VALUES: Mapping[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
    "depth": ("be positive, or NaN", lambda depth: depth <= 0),
    "normals": ("have length 1", _has_other_length),
    "edges": ("lie in [0, 1]", lambda edges: (edges < 0) | (edges > 1)),
}
