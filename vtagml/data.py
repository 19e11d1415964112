"""What is asked of data, which somebody else may have written."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np
from lightning import Trainer

from vtagml.tasks.labels import Labels


@runtime_checkable
class FileFormat(Protocol):
    """How a dataset keeps predictions in files."""

    @property
    def folder(self) -> str:
        """The folder beside the pictures that its files go to."""

    @property
    def tasks(self) -> Collection[str]:
        """The tasks that it has files for."""

    def write(self, folder: Path, name: str, task: str, prediction: np.ndarray) -> None:
        """Writes one prediction; channels first, in the units of the labels."""


@runtime_checkable
class Data(Protocol):
    """What is asked of a DataModule beside its loaders; `datamodules.DenseDataModule` answers all.

    Attributes:
        labels: Names and colours of the classes, by task; None where they are not known.
        image_size: Height and width of the network's input.
        withheld: Tasks whose labels are not trained on.
        prediction_format: How predictions are written.
    """

    labels: Mapping[str, Labels] | None
    image_size: tuple[int, int] | None
    withheld: Sequence[str] | None
    prediction_format: FileFormat | None

    def lacks(self, split: str) -> str | None:
        """Why there is no such split, None if there is one."""

    def predicted_only(self, split: str) -> str | None:
        """Why a split cannot be tested, None if it has labels."""


class Silence:
    """The answers of a DataModule that knows none of the questions."""

    labels = image_size = withheld = prediction_format = None

    def lacks(self, split: str) -> None:
        """There is whatever Lightning finds."""

    def predicted_only(self, split: str) -> None:
        """Nothing is known that would prevent a test."""


class _Answers:
    """A DataModule's answers, and those of `Silence` where it has none."""

    def __init__(self, datamodule: object) -> None:
        self.datamodule = datamodule

    def __getattr__(self, question: str) -> Any:
        return getattr(self.datamodule, question, getattr(Silence(), question))


def asked(datamodule: object) -> Data:
    """A DataModule, or none, as one that answers every question."""
    return cast(Data, _Answers(datamodule))


def data_of(trainer: Trainer) -> Data:
    """What the data of a run say of themselves."""
    return asked(getattr(trainer, "datamodule", None))
