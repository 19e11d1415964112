"""Finds the prepared copy of a split, if there is one, and makes sure that it is of this data."""

import json
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from datamodules.prepared.copy import MANIFEST, Copy, PreparedRecord
from datamodules.prepared.identity import described, digest, state
from datamodules.samples import Source

FOLDER = "prepared"
VARIABLE = "DATAMODULES_PREPARED"

# Asking a network drive for the state of four million files would take longer than an epoch.
MOST_STATED = 20_000
COMPARED = 4


def copies_of(read: Any, root: Path) -> Path:
    """The folder of the copies of what this reader gives, whether they exist or not.

    It is in `<root>/prepared`, or in the folder that the environment variable
    `DATAMODULES_PREPARED` names where the dataset's own folder cannot be written.
    """
    return parent_of_copies(root) / f"{type(read).__name__}-{digest(described(read, root))}"


def parent_of_copies(root: Path) -> Path:
    """The folder of all copies of one dataset."""
    elsewhere = os.environ.get(VARIABLE)
    return inside(Path(elsewhere), root) if elsewhere else root / FOLDER


def inside(folder: Path, root: Path) -> Path:
    """The dataset's part of a folder that may hold the copies of several."""
    return folder / f"{root.resolve().name}-{digest(str(root.resolve()))}"


def prepared(
    original: Source[Any], root: Path, split: str, tasks: Sequence[str]
) -> Source[PreparedRecord] | None:
    """The prepared copy of a split, or None if there is none.

    Args:
        original: The split in the dataset's own files.
        root: Folder of the dataset.
        split: Its name.
        tasks: What the reader will be asked for.

    Raises:
        ValueError: There is a copy of these samples, but it is damaged, or its files or their
            reader have changed.
    """
    if not parent_of_copies(root).is_dir():
        return None
    folder = copies_of(original.read, root)
    if not (folder / split / MANIFEST).exists():
        others = sorted(folder.parent.glob(f"{type(original.read).__name__}-*/{split}/{MANIFEST}"))
        if others:
            _warn(f"Only copies with other settings of `{split}` are in `{folder.parent}`")
        return None
    copy = Copy(folder / split)
    copy.verify()
    lacking = [task for task in tasks if task not in copy.tasks]
    if lacking:
        _warn(f"The prepared copy `{copy.folder}` lacks {lacking}")
        return None
    names = set(copy.names)
    if not any(record.name in names for record in original.records):
        _warn(f"The prepared copy `{copy.folder}` is of other samples of this dataset")
        return None
    records = _records(copy, original)
    _check_files(copy, records, root)
    _check_values(copy, original, records, tasks)
    return Source(records, copy, checked=True)


def _records(copy: Copy, original: Source[Any]) -> list[PreparedRecord]:
    positions = {name: position for position, name in enumerate(copy.names)}
    for record in original.records:
        if record.name not in positions:
            copy.fail(f"it does not have `{record.name}`, which the split has")
    return [PreparedRecord(record.name, positions[record.name]) for record in original.records]


def _check_files(copy: Copy, records: Sequence[PreparedRecord], root: Path) -> None:
    every = -(-len(records) // MOST_STATED)
    for name, position in records[::every]:
        if copy.index[position]["state"] != state(json.loads(copy.files[position]), root):
            copy.fail(f"the files of `{name}` have changed since it was written")


def _check_values(
    copy: Copy, original: Source[Any], records: Sequence[PreparedRecord], tasks: Sequence[str]
) -> None:
    """Read a few samples anew: settings and files are the same, the reader's code may not be."""
    for index in np.unique(np.linspace(0, len(records) - 1, COMPARED, dtype=int)).tolist():
        kept, read = copy(records[index], tasks), original.read(original.records[index], tasks)
        same = kept.keys() == read.keys() and all(_equal(kept[key], read[key]) for key in read)
        if not same:
            copy.fail(f"`{kept['name']}` is read otherwise than when it was written")


def _equal(kept: Any, read: Any) -> bool:
    if isinstance(read, str):
        return bool(kept == read)
    floating = np.issubdtype(read.dtype, np.floating)
    return np.array_equal(kept, read, equal_nan=floating)


def _warn(reason: str) -> None:
    warnings.warn(
        f"{reason}: the dataset's own files are read, which is slower. `lightning prepare` with"
        " this config writes a copy that fits.",
        stacklevel=4,
    )
