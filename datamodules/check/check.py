"""Every sample of a dataset, read once."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from datamodules.base import SPLITS, DenseDataModule
from datamodules.check.examination import Examination, Examiner, name_of
from datamodules.check.presence import expected, miscounted, notes, unmatched, unpaired, unwritten
from datamodules.check.report import Problem, Report, SplitReport
from datamodules.files import FileDataModule
from datamodules.processes.parallel import Died, in_processes
from datamodules.processes.progress import tracked
from datamodules.samples import Source


def check(datamodule: DenseDataModule, processes: int | None = None) -> Report:
    """Read every sample of every split and report what is there and what is wrong.

    The dataset's own files are read, also where a prepared copy of them exists. Only the tasks
    that the DataModule was made for are looked at; a task that is derived counts as those that it
    is derived from. A sample for training or validation has to show something and know something
    of each task; the labels of a test split may be withheld. A split that has
    no samples is left out, and a note says what that means.

    A JPEG has no checksum: damage inside it is reported where libjpeg notices it, which is about
    every fourth flipped bit and nearly every lost block of the disk (`images.damage_refused`).
    PNG, which has one, hides none.

    Args:
        datamodule: The dataset, with the settings that it will be trained with.
        processes: How many read at once, by default one per core; 0 reads in this process.

    Raises:
        FileNotFoundError: The dataset is not where it was said to be.
    """
    datamodule.prepare_data()
    classes = {task: labels.names for task, labels in datamodule.labels.items()}
    report = Report(type(datamodule).__name__, classes)
    listings = _listings(datamodule, report)
    for split, listing in listings.items():
        # Datasets whose test labels are kept secret test on the validation split: read it once.
        same = next((e for e in report.splits if listings[e].records == listing.records), None)
        found = report.splits[same] if same else _examined(datamodule, listing, report, processes)
        report.splits[split] = found
        if isinstance(datamodule, FileDataModule):
            report.splits[split] = replace(found, official=expected(datamodule, split))
            report.problems += miscounted(datamodule, split, found.found)
            report.problems += [] if same else unpaired(datamodule, split)
            report.notes += notes(datamodule, split)
    if isinstance(datamodule, FileDataModule):
        report.problems += unmatched(datamodule) + unwritten(datamodule)
    report.problems += _repeated(listings)
    return report


class _Listing(NamedTuple):
    """What there is of one split, and what of it is used."""

    split: str
    records: Sequence[Any]
    skipped: list[str]
    used: Source[Any]


def _listings(datamodule: DenseDataModule, report: Report) -> dict[str, _Listing]:
    listings: dict[str, _Listing] = {}
    errors: dict[str, Exception] = {}
    for split in SPLITS:
        if reason := datamodule.lacks(split):
            report.notes.append(f"{split}: no samples. {reason}")
            continue
        try:
            listings[split] = _listing(datamodule, split)
        except (OSError, ValueError) as error:
            errors[split] = error
    if not listings:
        raise next(iter(errors.values()))
    report.problems += [Problem(split, None, str(error)) for split, error in errors.items()]
    return listings


def _listing(datamodule: DenseDataModule, split: str) -> _Listing:
    if not isinstance(datamodule, FileDataModule):
        source = datamodule.source(split)
        return _Listing(split, source.records, [], source)
    records = datamodule.records(split)
    original = datamodule.original(split)
    used = {record.name for record in original.records}
    skipped = [record.name for record in records if record.name not in used]
    return _Listing(split, records, skipped, original)


def _examined(
    datamodule: DenseDataModule, listing: _Listing, report: Report, processes: int | None
) -> SplitReport:
    split, records = listing.split, listing.used.records
    found = SplitReport(found=len(listing.records), skipped=listing.skipped)
    classes = {task: len(names) for task, names in report.classes.items()}
    taught, sparse = split != "test", datamodule.sparse
    examiner = Examiner(listing.used, datamodule.reads_of(split), classes, taught, sparse)
    results = in_processes(examiner, len(records), processes)
    try:
        for index, result in enumerate(tracked(results, f"Checking {split}", len(records))):
            if isinstance(result, Died):
                result = Examination(name_of(records[index], index), errors=[str(result)])
            found.add(result)
            report.problems += [Problem(split, result.name, error) for error in result.errors]
    except ChildProcessError as error:
        report.problems.append(Problem(split, None, f"the check of `{split}` stopped: {error}"))
    return found


def _repeated(listings: dict[str, _Listing]) -> list[Problem]:
    """Names that are twice in a split, or in the training split and another."""
    names = {
        split: [name_of(record, index) for index, record in enumerate(listing.records)]
        for split, listing in listings.items()
        if hasattr(listing.records[0], "name")
    }
    problems = []
    for split, listed in names.items():
        for name, times in Counter(listed).items():
            if times > 1:
                problems.append(Problem(split, name, f"is listed {times} times"))
        # Testing on the validation split is a custom; on the training split it is a mistake.
        shared = sorted(set(listed) & set(names.get("train", ()))) if split != "train" else []
        problems += [Problem(split, name, "is also in the split `train`") for name in shared]
    return problems
