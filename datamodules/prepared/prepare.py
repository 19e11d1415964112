"""`lightning prepare`: writes decoded copies of a dataset, which its DataModule then reads."""

import shutil
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from rich import get_console

from datamodules.base import SPLITS
from datamodules.checks import check_sample
from datamodules.disk.images import damage_refused
from datamodules.files import FileDataModule
from datamodules.prepared.copy import CAMERA_WITH, COMMON, Copy
from datamodules.prepared.identity import described, state
from datamodules.prepared.lookup import FOLDER, VARIABLE, copies_of, inside, prepared
from datamodules.prepared.watching import files_read
from datamodules.prepared.writer import Decoded, Writer
from datamodules.processes.parallel import alive, in_processes
from datamodules.processes.progress import tracked
from datamodules.samples import Source
from datamodules.transforms import Sample

ESTIMATED_FROM = 8
GIGABYTE = 10**9


def prepare(
    datamodule: FileDataModule, out: Path | None = None, processes: int | None = None
) -> list[Path]:
    """Write decoded copies of all splits, which the DataModule then reads instead of its files.

    A copy holds what the reader gives for the tasks that the DataModule was made for, bit for
    bit. A run that was killed goes on where it stopped; a copy that is complete and of today's
    files stays; one that is not is removed and written anew. The space it takes is said first.

    Args:
        datamodule: The dataset, with the settings that it will be trained with.
        out: Folder for the copies, to which the dataset gets a link; by default `<root>/prepared`.
        processes: How many decode at once, by default one per core; 0 decodes in this process.

    Returns:
        The folders of the copies, one per split.

    Raises:
        ValueError: A sample cannot be used, or the space does not suffice.
        FileNotFoundError: The dataset or one of its files is missing.
        ChildProcessError: A process was killed.
    """
    if out is not None:
        _link(datamodule.root, out)
    jobs = _jobs(datamodule)
    waiting = [job for job in jobs.values() if not job.same_as and not job.is_done()]
    if waiting:
        _say_space(waiting)
        _make(waiting[0].folder.parent)
    for job in waiting:
        job.run(processes)
    for job in jobs.values():
        if job.same_as:
            job.point_to(job.same_as)
    folders = [job.folder for job in jobs.values()]
    done = f"Complete and verified: {', '.join(jobs)} in `{folders[0].parent}`."
    get_console().print(done, soft_wrap=True, markup=False)
    return folders


@dataclass(frozen=True)
class Job:
    """The copy of one split.

    Attributes:
        split: Its name.
        source: The split in the dataset's own files.
        root: Folder of the dataset.
        reads: Tasks that the reader is asked for.
        classes: Number of classes of each task that has classes.
        same_as: The split that has the same samples, where there is one.
    """

    split: str
    source: Source[Any]
    root: Path
    reads: tuple[str, ...]
    classes: Mapping[str, int]
    same_as: str | None

    @property
    def folder(self) -> Path:
        return copies_of(self.source.read, self.root) / self.split

    @cached_property
    def tasks(self) -> tuple[str, ...]:
        """What is asked for, and what a copy that is replaced was made for."""
        try:
            earlier = Copy(self.folder).tasks
        except ValueError:  # none, or damaged
            earlier = ()
        return tuple(dict.fromkeys((*self.reads, *earlier)))

    @property
    def writer(self) -> Writer:
        read = self.source.read
        # Most readers give the camera always, or never.
        beside = getattr(read, CAMERA_WITH, None)
        about = {"settings": described(read, self.root), CAMERA_WITH: beside}
        return Writer(self.folder, (*COMMON, *self.tasks), about)

    def reading(self, start: int) -> "Reading":
        return Reading(self.source, self.tasks, self.classes, self.root, start)

    def is_done(self) -> bool:
        """Whether there is a copy that the DataModule would read."""
        with warnings.catch_warnings(action="ignore"):
            try:
                return prepared(self.source, self.root, self.split, self.reads) is not None
            except ValueError:
                return False

    def written(self) -> int:
        """How many samples an unfinished copy has."""
        return self.writer.written([record.name for record in self.source.records], self.root)

    def bytes_needed(self) -> int:
        """How much is still to be written, judging by a few samples."""
        count = len(self.source.records)
        places = np.unique(np.linspace(0, count - 1, ESTIMATED_FROM, dtype=int))
        sizes = [_size(self.reading(0)(place).sample) for place in places.tolist()]
        return round(np.mean(sizes) * (count - self.written()))

    def run(self, processes: int | None) -> None:
        """Write, verify, and move into place."""
        writer, count = self.writer, len(self.source.records)
        with writer.alone():
            start = self.written()
            self._remove()
            reading = self.reading(start)
            results = in_processes(reading, count - start, processes)
            samples = alive(results, reading.name, "What was written is kept.")
            title = f"Preparing {self.split}"
            writer.write(tracked(samples, title, count, start), start)
            writer.finish()

    def point_to(self, split: str) -> None:
        """Let this split's copy be that of another."""
        self._remove()
        self.folder.symlink_to(split, target_is_directory=True)

    def _remove(self) -> None:
        if self.folder.is_symlink():
            self.folder.unlink()
        elif self.folder.exists():
            shutil.rmtree(self.folder)


@dataclass(frozen=True)
class Reading:
    """Reads sample `start + index` and checks it as training would, once and for all."""

    source: Source[Any]
    tasks: Sequence[str]
    classes: Mapping[str, int]
    root: Path
    start: int

    def __call__(self, index: int) -> Decoded:
        record = self.source.records[self.start + index]
        # A copy must not freeze what a damaged file happens to decode to.
        with files_read(self.root) as files, damage_refused():
            sample = self.source.read(record, self.tasks)
        # Before the checks: a file that changes while they run shall count as changed.
        state_of_files = state(files, self.root)
        check_sample(sample, self.tasks, self.classes)
        foreign = sample.keys() - {*COMMON, "name", *self.tasks}
        if foreign or sample["name"] != record.name:
            raise ValueError(
                f"The reader should give `{record.name}` with the tasks {list(self.tasks)}, found"
                f" `{sample['name']}` with {sorted(sample)}."
            )
        return Decoded(sample, files, state_of_files)

    def name(self, index: int) -> str:
        return f"Sample `{self.source.records[self.start + index].name}`"


def _jobs(datamodule: FileDataModule) -> dict[str, Job]:
    classes = {task: len(labels.names) for task, labels in datamodule.labels.items()}
    jobs: dict[str, Job] = {}
    errors: list[FileNotFoundError] = []
    for split in SPLITS:
        try:
            source = datamodule.original(split)
        except FileNotFoundError as error:
            errors.append(error)
            continue
        # Datasets whose test labels are kept secret test on the validation split.
        same = (name for name, job in jobs.items() if job.source.records == source.records)
        reads = datamodule.reads_of(split)
        job = Job(split, source, datamodule.root, reads, classes, next(same, None))
        jobs[split] = job
    if not jobs:
        raise errors[0]
    for missing in errors:
        get_console().print(f"Left out: {missing}", soft_wrap=True, markup=False)
    return jobs


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(
            f"`{folder}`, where the copies are kept, cannot be made ({error.strerror}). Set the"
            f" environment variable {VARIABLE} to a folder that can be written, for this command"
            " and for the runs."
        ) from error


def _say_space(jobs: Sequence[Job]) -> None:
    needed = sum(job.bytes_needed() for job in jobs)
    place = jobs[0].folder
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    count = sum(len(job.source.records) - job.written() for job in jobs)
    said = (
        f"{count} samples to write, about {needed / GIGABYTE:.3g} GB to `{jobs[0].folder.parent}`"
    )
    get_console().print(f"{said}; {free / GIGABYTE:.3g} GB are free.", soft_wrap=True)
    if needed > free:
        raise ValueError(
            f"`out` should have {needed / GIGABYTE:.3g} GB free, found {free / GIGABYTE:.3g} GB."
            " Give another folder as `--out`, or prepare fewer tasks with `--data.tasks`."
        )


def _size(sample: Sample) -> int:
    arrays = [value for value in sample.values() if isinstance(value, np.ndarray)]
    return sum(a.size if np.issubdtype(a.dtype, np.integer) else a.nbytes for a in arrays)


def _link(root: Path, out: Path) -> None:
    """Let the dataset's folder lead to the copies, so that the DataModule finds them by itself."""
    link, target = root / FOLDER, inside(out, root).resolve()
    if link.is_symlink() and link.resolve() == target:
        return
    if link.exists() and not link.is_symlink():
        raise ValueError(
            f"`out` should be left out, as `{link}` holds copies already; found `{out}`. Move"
            f" them to `{target}` or delete them to use another folder."
        )
    target.mkdir(parents=True, exist_ok=True)
    try:
        link.unlink(missing_ok=True)
        link.symlink_to(target, target_is_directory=True)
    except OSError as error:
        raise ValueError(
            f"`root`, {root}, cannot be given a link to `{out}` ({error.strerror}). Leave `--out`"
            f" out and set the environment variable {VARIABLE} to that folder, for this command"
            " and for the runs."
        ) from error
