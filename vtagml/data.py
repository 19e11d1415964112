"""What is asked of data, which somebody else may have written."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

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


class Data:
    """What is asked of a DataModule beside its loaders, and what one answers that knows none of it.

    `datamodules.DenseDataModule` answers all.

    Attributes:
        labels: Names and colours of the classes, by task; None where they are not known.
        image_size: Height and width of the network's input.
        withheld: Tasks whose labels are not trained on.
        prediction_format: How predictions are written.
        variants: How many augmented variants of a training image there are; None for no end.
    """

    labels: Mapping[str, Labels] | None = None
    image_size: tuple[int, int] | None = None
    withheld: Sequence[str] | None = None
    prediction_format: FileFormat | None = None
    variants: int | None = None

    def lacks(self, split: str) -> str | None:
        """Why there is no such split, None if there is one, or nobody knows."""
        return None

    def predicted_only(self, split: str) -> str | None:
        """Why a split cannot be tested, None if it has labels, or nobody knows."""
        return None


class _Asked(Data):
    """A DataModule's own answers, and those of `Data` where it has none."""

    def __init__(self, datamodule: object) -> None:
        self.datamodule = datamodule

    def __getattribute__(self, question: str) -> Any:
        datamodule = object.__getattribute__(self, "datamodule")
        return getattr(datamodule, question, getattr(Data(), question))


def data_of(trainer: Trainer) -> Data:
    """What the data of a run say of themselves."""
    return _Asked(getattr(trainer, "datamodule", None))
