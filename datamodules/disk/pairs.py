"""Images and labels that belong together, by the names of their files alone."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from datamodules.disk.listing import some_of


class Labelled(NamedTuple):
    """The labels of one task in one split.

    Attributes:
        records: Those of all labels that are there, equal to those of their images.
        file: Where the label of a record is, or would be.
    """

    records: Collection[Any]
    file: Callable[[Any], Path]

    def without_image(self, images: Collection[Any]) -> list[Path]:
        """The files of those labels that have no image among these."""
        known = set(images)
        return [self.file(record) for record in self.records if record not in known]

    def missing(self, images: Collection[Any]) -> list[Path]:
        """The files of labels that these images should have and have not."""
        known = set(self.records)
        return [self.file(record) for record in images if record not in known]


def first_missing(files: Sequence[Path]) -> Path:
    """The first of the files that a label is read from, or else the first that is not there."""
    return next((each for each in files if not each.is_file()), files[0])


def check_complete(what: str, images: Sequence[Any], labels: Sequence[Labelled]) -> None:
    """Raise an error if images lack labels.

    Args:
        what: The split, in words.
        images: Its records.
        labels: What there is of each task that is read.

    Raises:
        FileNotFoundError: Labels are missing; some are named.
    """
    # Several tasks may be read from one file.
    missing = [*dict.fromkeys(file for each in labels for file in each.missing(images))]
    if missing:
        raise FileNotFoundError(
            f"{what} should have a label of each task for each of its {len(images)} images, found"
            f" {len(missing)} of these files missing: {some_of(missing)}. Add them, leave their"
            " task out of the model's `tasks`, or put the samples on a skip list, which `lightning"
            " check --write-skip-list` writes."
        )
