"""Affinities that start from another run's file."""

from abc import abstractmethod
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import ClassVar

import torch

from vtagml.affinity.affinity import Affinity
from vtagml.affinity.transfer import AffinityState, read_state


class FromFile(Affinity):
    """An affinity that may start from the `affinity.json` of another run.

    A checkpoint holds what the file said. So one that is not there is no error yet: it is read, or
    named, when ω is first asked for, unless a checkpoint was loaded by then. A sibling overrides
    `take` and calls `arrive` before it uses what it took.

    Args:
        tasks: Names of the tasks.
    """

    taken: ClassVar[str]
    """The buffer that holds what the file says; NaN while nobody knows."""

    def __init__(self, tasks: Sequence[str]) -> None:
        super().__init__(tasks)
        self._absent: str | PathLike[str] | None = None

    @abstractmethod
    def take(self, state: AffinityState) -> None:
        """Keeps what is wanted of another run's affinity."""

    def start_from(self, path: str | PathLike[str]) -> None:
        """Reads the file if it is there."""
        if Path(path).is_file():
            self.take(read_state(path))
            return
        self._absent = path
        getattr(self, self.taken).fill_(torch.nan)

    def arrive(self) -> None:
        """Reads a file that was not there before; an error if it still is not, but is needed."""
        if self._absent is None:
            return
        if getattr(self, self.taken).isnan().any():
            self.take(read_state(self._absent))
        self._absent = None
