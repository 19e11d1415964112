"""What datasets that are read from files have in common."""

import shlex
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from lightning.pytorch.utilities import rank_zero_info, rank_zero_only, rank_zero_warn

from datamodules.base import SPLITS, SPLITS_OF_STAGE, DenseDataModule
from datamodules.derive import Derivation, Derive, Reserve
from datamodules.disk.listing import some_of
from datamodules.disk.names import read_names
from datamodules.disk.pairs import Labelled, check_complete
from datamodules.disk.spelling import composed, spelled
from datamodules.geometry import RandomView, Resize, joined
from datamodules.geometry.affine import checked_size
from datamodules.labels import ClassMap, Labels
from datamodules.photometric import Photometric
from datamodules.predictions.native import NATIVE, NETWORK, LabelsOnDisk, fitting_at_once
from datamodules.prepared import prepared
from datamodules.samples import Samples, Source
from datamodules.settings import one_of
from datamodules.transforms import EndsAt, Sample, Transform
from datamodules.writing.layout import Layout


@runtime_checkable
class Record(Protocol):
    """Where the files of one sample are; a dataset's own is a NamedTuple or frozen dataclass."""

    @property
    def name(self) -> str:
        """The sample's name, unique within the dataset, as skip lists have it."""


class DatasetNotFoundError(FileNotFoundError):
    """A dataset is not where it was said to be, or not in the form it comes in."""


class FileDataModule(DenseDataModule):
    """Reads samples from a dataset's own files, brings them to one size, derives what is missing.

    A subclass gives `offers`, `labels`, `records`, `reader` and the class attributes below.
    In training, samples pass `geometry` (image and labels together) and `augment` (the image
    alone); in evaluation the image is resized. What the dataset does not ship is derived in
    between, for an evaluation where the labels are: at their size on disk, or at the network's.

    Args:
        root: Folder of the dataset.
        image_size: Height and width of the network's input.
        geometry: Changes of image and labels together in training; has to end at `image_size`.
        skip: Text file with names of samples to leave out, as `read_names` takes them; added to
            those that are known to be damaged. Names of no sample are warned of.
        evaluated_at: `native` scores predictions at the size that labels have on disk, as `predict`
            writes them; `network` resizes the labels, so that numbers depend on `image_size`.
        options: What all datasets take, see `DenseDataModule`.
    """

    derives: ClassVar[Mapping[str, Derivation]] = {}
    """Tasks that the dataset does not ship, and how they are derived."""
    download: ClassVar[str | None] = None
    """Where the dataset is had; None for data of one's own."""
    layouts: ClassVar[tuple[Layout, ...]] = ()
    """The forms in which drawn scenes can stand in for it, if there are any."""
    known_bad: ClassVar[Path | None] = None
    """Skip list of samples that are damaged in the dataset's own archives."""
    label_space: ClassMap
    """Of a dataset whose classes can be read in several spaces, the one that is chosen."""

    def __init__(
        self,
        root: str | Path,
        image_size: tuple[int, int],
        geometry: Sequence[Transform] | None = None,
        skip: str | Path | None = None,
        evaluated_at: str = "native",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.root = spelled(Path(root))
        self.image_size = checked_size("image_size", image_size)
        self.evaluated_at = one_of("evaluated_at", evaluated_at, (NATIVE, NETWORK))
        self.geometry = tuple(self.default_geometry() if geometry is None else geometry)
        self.skip = None if skip is None else Path(skip)
        self._skip_list_looked_at = False

    @property
    def labels(self) -> dict[str, Labels]:
        return {"segmentation": self.label_space.space.labels}

    @abstractmethod
    def records(self, split: str) -> Sequence[Record]:
        """All samples of a split in a fixed order, before the skip list."""

    @abstractmethod
    def reader(self) -> Callable[[Any, Sequence[str]], Sample]:
        """A picklable function that reads one record at its native resolution.

        It is asked for tasks that the dataset ships, and decodes no other files.
        """

    def official(self, split: str) -> int | None:
        """How many samples the split has as its makers count them, where that is known."""
        return None

    def absent(self, split: str) -> str | None:
        """Which parts of the split are left out since they are not there, in a sentence."""
        return None

    def labelled(self, split: str, task: str) -> Labelled | None:
        """What there is of the labels of a shipped task; None if that cannot be listed."""
        return None

    def unpaired(self, split: str) -> list[Path]:
        """Files with labels of the tasks that are read, whose image is not there."""
        images = self.records(split)
        listed = filter(None, (self.labelled(split, task) for task in self.reads))
        return [file for labels in listed for file in labels.without_image(images)]

    def unlabelled(self, split: str) -> tuple[str, ...]:
        """Tasks that the split has no labels of at all, so that it can only be predicted."""
        return ()

    def predicted_only(self, split: str) -> str | None:
        if not (tasks := self.unlabelled(split)):
            return None
        return (
            f"The split `{split}` in `{self.root}` should have labels of {', '.join(tasks)} to be"
            " tested, found none: it can only be predicted. Add the labels, or leave these tasks"
            " out."
        )

    def needs(self, tasks: Sequence[str]) -> tuple[str, ...]:
        needs = (self.derives[task].needs if task in self.derives else (task,) for task in tasks)
        return tuple(dict.fromkeys(chain.from_iterable(needs)))

    def reads_of(self, split: str) -> tuple[str, ...]:
        given = self.tasks_of(split)
        reads = self.needs(given)
        leaks = [task for task in reads if task in self.tasks and task not in given]
        if leaks:
            raise ValueError(
                f"`withheld` should hold every task that is derived from a withheld one; found"
                f" {list(self.withheld)}, and {leaks} would be read to derive others of"
                f" {list(given)}. Withhold these, too, or leave them out of `tasks`."
            )
        return reads

    def default_geometry(self) -> Sequence[Transform]:
        """The dataset's own changes of image and labels together in training."""
        return [RandomView(self.image_size, scale=(0.75, 1.5), flip=0.5)]

    def default_augment(self) -> Sequence[Transform]:
        return [Photometric()]

    def views(self) -> Sequence[Transform]:
        return [Resize(self.image_size)]

    def transforms(self, split: str) -> Sequence[Transform]:
        train = split == "train"
        geometry = [*joined(self.geometry if train else self.views()), EndsAt(self.image_size)]
        tasks = self.tasks_of(split)
        derived = {task: self.derives[task] for task in tasks if task in self.derives}
        reserve, derive = Reserve(tuple(derived)), Derive(derived, tasks)
        if train:
            return [reserve, *geometry, derive, *self.augment]
        if self.evaluated_at == NATIVE:
            return [reserve, derive, LabelsOnDisk(tasks, geometry)]
        return [reserve, *geometry, derive]

    def evaluated_at_once(self, samples: Samples) -> int:
        native = self.evaluated_at == NATIVE
        return min(self.batch_size, fitting_at_once(samples)) if native else self.batch_size

    def locate(self, stage: str) -> None:
        for split in SPLITS_OF_STAGE[stage]:
            if self.lacks(split) is None:
                self.original(split)

    def setup(self, stage: str | None = None) -> None:
        super().setup(stage)
        self._warn_of_unmatched()
        if stage in ("fit", "validate", "test"):  # without a stage labels may be of no use
            for split in SPLITS_OF_STAGE[stage]:
                self._check_complete(split)

    def _check_complete(self, split: str) -> None:
        """Says which labels are missing before training draws the first of them."""
        if split not in self.samples or self.samples[split].source.checked:
            return  # left out, or read from a copy
        listed = (self.labelled(split, task) for task in self.reads_of(split))
        images = self.samples[split].source.records
        what = f"The split `{split}` of {type(self).__name__} in `{self.root}`"
        check_complete(what, images, list(filter(None, listed)))

    def source(self, split: str) -> Source[Any]:
        original = self.original(split)
        if absent := self.absent(split):
            rank_zero_info(f"{type(self).__name__}, {split}: {absent}")
        return prepared(original, self.root, split, self.reads_of(split)) or original

    def original(self, split: str) -> Source[Any]:
        """The split in the dataset's own files, even where there is a prepared copy of it."""
        if reason := self.lacks(split):
            raise DatasetNotFoundError(reason)
        skipped = self.skipped()
        records = [each for each in self.records(split) if composed(each.name) not in skipped]
        if not records:
            absent = f" ({absent.rstrip('.')})" if (absent := self.absent(split)) else ""
            raise self.not_found(f"at least one sample of the split `{split}`{absent}")
        return Source(records, self.reader())

    def skipped(self) -> frozenset[str]:
        """Names of the samples to leave out: the known bad ones and those of `skip`."""
        return frozenset(
            chain.from_iterable(read_names(file) for file in (self.known_bad, self.skip) if file)
        )

    def unmatched(self) -> list[str]:
        """Names in `skip` that no sample has; none as long as a split cannot be listed."""
        if self.skip is None:
            return []
        try:
            listed = [self.records(split) for split in SPLITS if self.lacks(split) is None]
        except (OSError, ValueError):  # said when that split is used
            return []
        names = {composed(record.name) for record in chain.from_iterable(listed)}
        # Whoever has a part of the dataset need not have what is damaged in the whole of it.
        known_bad = read_names(self.known_bad) if self.known_bad else ()
        return sorted(set(read_names(self.skip)) - names - set(known_bad))

    @rank_zero_only
    def _warn_of_unmatched(self) -> None:
        unmatched = [] if self._skip_list_looked_at else self.unmatched()
        self._skip_list_looked_at = True
        if unmatched:
            rank_zero_warn(
                f"`skip`, `{self.skip}`, names {len(unmatched)} samples that"
                f" {type(self).__name__} does not have: {some_of(unmatched)}. Correct or remove"
                " these lines."
            )

    def within(self, holds: str, *archives: str) -> Path:
        """The folder with a file or folder of that name: the root, or an archive's folder in it."""
        places = [self.root, *(self.root / archive for archive in archives)]
        found = [place for place in places if (place / holds).exists()]
        if not found:
            others = ", or ".join(f"`{archive}/{holds}`" for archive in archives)
            raise self.not_found(f"`{holds}`, or {others}")
        if len(found) > 1:
            listed = ", ".join(f"`{place}`" for place in found)
            raise ValueError(f"`root` should hold one copy of the dataset, found {listed}.")
        return found[0]

    def not_found(self, expected: str) -> DatasetNotFoundError:
        """The error for a dataset that is missing or incomplete.

        Args:
            expected: What should be in `root`, e.g. "folders `leftImg8bit` and `gtFine`".
        """
        name = type(self).__name__
        state = "has other content" if self.root.is_dir() else "does not exist"
        advice = [
            f"{name} was not found: `root` is `{self.root}`, which {state}; expected {expected}."
        ]
        if self.download:
            advice.append(f"The dataset is had from {self.download}.")
        if self.layouts:
            command = self._stand_in_command()
            advice.append(f"For a small stand-in of drawn scenes run {command}.")
        return DatasetNotFoundError(" ".join(advice))

    def _stand_in_command(self) -> str:
        """The command, and what to do then: scenes are not drawn into a folder of other things."""
        free = not self.root.exists() or (self.root.is_dir() and not any(self.root.iterdir()))
        out = str(self.root if free else self.root.absolute().with_name(f"{self.root.name}-scenes"))
        word = self.layouts[0].word
        command = f"`lightning scenes --as {word} --out {shlex.quote(out)} --count 40`"
        return command if free else f"{command} and point `root` to `{out}`"
