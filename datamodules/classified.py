"""What datasets of whole-image classes have in common: one task, a list of photos and class ids."""

import hashlib
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from datamodules.base import SPLITS
from datamodules.disk.images import UNPACK, read_photo8, unreadable
from datamodules.disk.pairs import Labelled
from datamodules.disk.spelling import read_text, spelled
from datamodules.files import FileDataModule
from datamodules.geometry import CentreCrop, InceptionCrop, RandomFlip
from datamodules.labels import Labels
from datamodules.predictions.native import NETWORK
from datamodules.settings import one_of
from datamodules.transforms import Sample, Transform


class Photo(NamedTuple):
    """One photo: its name, its file below the root, and its class id from 0 on."""

    name: str
    file: str
    label: int


class ClassifiedImages(FileDataModule):
    """Reads photos that each have one class; one task, named by the subclass.

    A subclass gives `offers`, `class_names` and `listed`. Training photos are cut out by
    `InceptionCrop` and mirrored, and nothing is changed in colour; in evaluation the middle is seen
    (`CentreCrop`).

    Args:
        root: Folder of the dataset, or the folder around it.
        image_size: Height and width of the network's input.
        evaluated_at: `network`: classes of whole images have no size on disk.
        options: What all datasets of files take, see `FileDataModule`.
    """

    def __init__(
        self,
        root: str | Path,
        image_size: tuple[int, int],
        evaluated_at: str = NETWORK,
        **options: Any,
    ) -> None:
        where = one_of("evaluated_at", evaluated_at, (NETWORK,))
        super().__init__(root, image_size, evaluated_at=where, **options)
        self._records: dict[str, list[Photo]] = {}

    @abstractmethod
    def class_names(self) -> Sequence[str]:
        """Names of the classes in the order of their ids."""

    @abstractmethod
    def listed(self, split: str) -> list[Photo]:
        """All photos of a split in the order of its list."""

    def records(self, split: str) -> list[Photo]:
        if split not in self._records:
            self._records[split] = self.listed(split)
        return self._records[split]

    @property
    def labels(self) -> dict[str, Labels]:
        return {self.offers[0]: Labels.spread(self.class_names())}

    def default_geometry(self) -> Sequence[Transform]:
        return [InceptionCrop(self.image_size), RandomFlip()]

    def default_augment(self) -> Sequence[Transform]:
        return []

    def views(self) -> Sequence[Transform]:
        return [CentreCrop(self.image_size)]

    def reader(self) -> "ReadPhoto":
        labels = hashlib.sha256()
        for split in SPLITS:
            with suppress(OSError, ValueError):  # said when that split is used
                labels.update(repr(self.records(split)).encode())
        return ReadPhoto(self.root, self.offers[0], labels.hexdigest())

    def labelled(self, split: str, task: str) -> Labelled:
        # The list gives every photo a label; what can be missing is the photo.
        there = [photo for photo in self.records(split) if spelled(self.root / photo.file).exists()]
        return Labelled(there, lambda photo: self.root / photo.file)

    def lines(self, file: Path) -> list[str]:
        """The lines of a list, without those that are empty."""
        try:
            text = read_text(file)
        except FileNotFoundError:
            raise self.not_found(f"the list `{file.relative_to(self.root)}`") from None
        except UnicodeDecodeError as error:
            raise unreadable(file, "be a text in UTF-8", f"{error}") from None
        return [line for each in text.splitlines() if (line := each.strip())]

    def table(self, file: Path, separator: str | None = None) -> dict[str, str]:
        """The rows of a list, each a word that is there once, and what stands behind it."""
        pairs = [line.split(separator, 1) for line in self.lines(file)]
        rows = {pair[0]: pair[1].strip() for pair in pairs if len(pair) > 1}
        if len(rows) < len(pairs):
            found = f"{len(pairs)} lines, {len(rows)} of which are that and begin with another word"
            raise unreadable(file, "hold a word and a value per line", found)
        return rows

    def photos(self, listed: Path, folder: Path, rows: Iterable[tuple[str, Any]]) -> list[Photo]:
        """The photos of a list, by the names of their files.

        Args:
            listed: The list, for the error.
            folder: The folder with the photos.
            rows: Path of each photo below it, and its class id from 0 on.
        """
        count, photos = len(self.class_names()), []
        below = folder.relative_to(self.root)
        for path, id in rows:
            if not (str(id).isdecimal() and int(id) < count):
                expected = f"hold classes of the {count} that there are"
                raise unreadable(listed, expected, f"{id} (counted from 0) for `{path}`")
            name = PurePosixPath(path).with_suffix("").as_posix()
            photos.append(Photo(name, (below / path).as_posix(), int(id)))
        return photos


@dataclass(frozen=True)
class ReadPhoto:
    """Reads a photo and gives it its class.

    Attributes:
        root: Folder of the dataset.
        task: Of which the class is.
        labels: A digest of all class ids, which are in no file of the photo's: a prepared copy with
            other ones is another.
    """

    root: Path
    task: str
    labels: str

    def __call__(self, photo: Photo, tasks: Sequence[str]) -> Sample:
        image = read_photo8(self.root / photo.file, UNPACK)
        sample: Sample = {"image": image, "name": photo.name}
        return sample | {task: np.array(photo.label, np.uint8) for task in tasks}
