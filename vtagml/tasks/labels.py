"""What a dataset knows about the classes of a task."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable


@runtime_checkable
class Labels(Protocol):
    """The names and colours of the classes of one task, as a dataset defines them."""

    @property
    def names(self) -> tuple[str, ...]:
        """One name per class, in the order of the train ids."""

    @property
    def colours(self) -> tuple[tuple[int, int, int], ...]:
        """One red, green, blue triple (0 to 255) per class."""


@runtime_checkable
class WideLabels(Labels, Protocol):
    """Labels that know which classes of finer sets fall into theirs."""

    @property
    def members(self) -> Mapping[str, tuple[str, ...]]:
        """Names of the finer classes in each class that has some."""
