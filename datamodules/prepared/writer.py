"""Writes a prepared copy; what was written before a kill is kept."""

import json
import os
import shutil
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from io import FileIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from datamodules.prepared.copy import (
    ABSENT,
    FILES,
    INDEX,
    MANIFEST,
    NAMES,
    SUFFIX,
    Copy,
    index_digest,
    row_type,
)
from datamodules.prepared.identity import state
from datamodules.processes.progress import tracked
from datamodules.transforms import Sample

PLAN = "plan.json"
UNFINISHED = ".unfinished"
ALIGNMENT = 64  # bytes; of every array, so that views of floats are legal and fast
LARGEST_BYTE = 255


class Decoded(NamedTuple):
    """A sample, the files below the root that it was read from, and their state."""

    sample: Sample
    files: Sequence[str]
    state: int


class Writer:
    """Writes the samples of one split one after the other, and goes on where it was killed.

    The copy is written beside its place and moved there once it is complete and verified.

    Args:
        folder: Where the copy shall be.
        keys: Image, camera and the tasks.
        description: What the copy depends on; an unfinished copy with another one is discarded.
    """

    def __init__(self, folder: Path, keys: Sequence[str], description: Mapping[str, Any]) -> None:
        self.folder = folder
        self.partial = folder.with_name(folder.name + UNFINISHED)
        self.keys = tuple(keys)
        self.description = dict(description) | {"keys": list(keys)}
        self.row_type = row_type(keys)

    def written(self, names: Sequence[str], root: Path) -> int:
        """How many of the samples an unfinished copy already has.

        Args:
            names: Of all samples, in the order in which they are written.
            root: Folder of the dataset, whose files may have changed meanwhile.
        """
        try:
            if json.loads((self.partial / PLAN).read_text(encoding="utf-8")) != self.description:
                return 0
            lines = (self.partial / NAMES).read_text(encoding="utf-8").splitlines()
            files = (self.partial / FILES).read_text(encoding="utf-8").splitlines()
            sizes = {key: (self.partial / f"{key}{SUFFIX}").stat().st_size for key in self.keys}
        except (OSError, ValueError):
            return 0
        count = 0
        for row, line, read, name in zip(self._rows(), lines, files, names, strict=False):
            # After a power failure the index may have reached the disk before the arrays did.
            whole = all(_end(row[key]) <= sizes[key] for key in self.keys)
            if line != name or not whole or int(row["state"]) != state(json.loads(read), root):
                break
            count += 1
        return count

    def write(self, samples: Iterable[Decoded], start: int) -> None:
        """Append samples to the first `start`, which are there already.

        Args:
            samples: The remaining ones, in order.
            start: What `written` said.
        """
        if start == 0:
            shutil.rmtree(self.partial, ignore_errors=True)
            self.partial.mkdir(parents=True)
            (self.partial / PLAN).write_text(json.dumps(self.description), encoding="utf-8")
        with ExitStack() as stack:
            out = self._opened(stack, start)
            for sample, files, state_of_files in samples:
                row = np.zeros((), self.row_type)
                row["state"] = state_of_files
                for key in self.keys:
                    row[key] = _append(out[key], sample.get(key))
                _write_all(out[NAMES], f"{sample['name']}\n".encode())
                _write_all(out[FILES], f"{json.dumps(files)}\n".encode())
                # Last: after a kill, a sample counts only if all of it was handed to the system.
                _write_all(out[INDEX], row.tobytes())

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes out; the system opens the lock when this one ends, however."""
        import fcntl  # not on Windows, where copies can be read all the same

        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with self.folder.with_name(f".{self.folder.name}.lock").open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ValueError(
                    f"Another process is writing `{self.folder}`. Wait until it has ended."
                ) from None
            yield

    def finish(self) -> Copy:
        """Compare every array on disk with its checksum, and move the copy to its place."""
        for file in self.partial.glob(f"*{SUFFIX}"):
            if not file.stat().st_size:
                file.unlink()  # a key that no sample has; nothing cannot be mapped
        sizes = {file.name: file.stat().st_size for file in self.partial.glob(f"*{SUFFIX}")}
        manifest = self.description | {"bytes": sizes, "digest": index_digest(self.partial)}
        (self.partial / MANIFEST).write_text(json.dumps(manifest, indent=2), encoding="utf-8")
        copy = Copy(self.partial)
        count = len(copy.names)
        for position in tracked(range(count), f"Verifying {self.folder.name}", count):
            self._verify(copy, position)
        if self.folder.exists():
            shutil.rmtree(self.folder)
        os.replace(self.partial, self.folder)  # noqa: PTH105
        return Copy(self.folder)

    def _verify(self, copy: Copy, position: int) -> None:
        for key in self.keys:
            place = copy.index[position][key]
            if place["axes"] != ABSENT and _checksum(copy.array(key, place)) != place["sum"]:
                shutil.rmtree(self.partial)
                raise OSError(
                    f"`{key}` of `{copy.names[position]}` came back from the disk otherwise than it"
                    f" was written to `{self.folder}`. What was written is removed; check the disk,"
                    " then run `lightning prepare` again."
                )

    def _rows(self) -> np.ndarray:
        content = (self.partial / INDEX).read_bytes() if (self.partial / INDEX).exists() else b""
        whole = len(content) // self.row_type.itemsize * self.row_type.itemsize
        return np.frombuffer(content[:whole], self.row_type)

    def _opened(self, stack: ExitStack, start: int) -> dict[str, FileIO]:
        """All files, cut off behind sample number `start`, without buffers of their own."""
        rows = self._rows()[:start]
        ends = {key: max((_end(row[key]) for row in rows), default=0) for key in self.keys}
        for name in (NAMES, FILES):
            lines = (self.partial / name).read_bytes().splitlines(keepends=True) if start else []
            ends[name] = sum(map(len, lines[:start]))
        ends |= {INDEX: start * self.row_type.itemsize}
        files = {}
        for key, end in ends.items():
            path = self.partial / (f"{key}{SUFFIX}" if key in self.keys else key)
            files[key] = stack.enter_context(FileIO(path, "a"))
            files[key].truncate(end)
        return files


def _append(file: FileIO, array: np.ndarray | None) -> tuple[int, bytes, int, list[int], int]:
    """Write an array at the end of its file; returns its line in the index."""
    if array is None:
        return 0, b"", ABSENT, [0, 0, 0], 0
    array = np.ascontiguousarray(_narrowed(array)).reshape(array.shape)
    offset = file.seek(0, os.SEEK_END)
    padding = -offset % ALIGNMENT
    for content in (bytes(padding), array.tobytes()):
        _write_all(file, content)
    shape = [*array.shape, 0, 0, 0][:3]
    return offset + padding, array.dtype.str.encode(), array.ndim, shape, _checksum(array)


def _write_all(file: FileIO, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) or 0 :]  # one call writes 2 GB at most


def _narrowed(array: np.ndarray) -> np.ndarray:
    """Class ids fit in a byte, whatever type a reader gave them in."""
    integer = np.issubdtype(array.dtype, np.integer) and array.size
    fits = integer and array.min() >= 0 and array.max() <= LARGEST_BYTE
    return array.astype(np.uint8) if fits else array


def _end(place: Any) -> int:
    if place["axes"] == ABSENT:
        return 0
    shape = place["shape"][: int(place["axes"])]
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(place["dtype"].decode()).itemsize
    return int(place["offset"]) + size


def _checksum(array: np.ndarray) -> int:
    return zlib.crc32(np.ascontiguousarray(array).data)
