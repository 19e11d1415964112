"""Rows of one length under keys, in files that one process adds to and all may read."""

import os
import zlib
from io import FileIO
from pathlib import Path
from typing import BinaryIO

import numpy as np

from vtagml.features.fingerprints import WORDS

# The key of a row, and a checksum of its bytes.
LINE = np.dtype([("key", f"V{8 * WORDS}"), ("sum", "<u4")])
ROWS, KEYS = ".rows", ".keys"


class Shard:
    """A file of rows and one of their keys; a row counts once its key is written.

    What a kill left half-written counts for nothing.

    Args:
        path: Of the two files, without their endings.
        length: Bytes of a row.
    """

    def __init__(self, path: Path, length: int) -> None:
        self.path, self.length = path, length
        self.sums: list[int] = []
        self._rows: BinaryIO | None = None
        self._out: tuple[FileIO, FileIO] | None = None

    def new_keys(self) -> list[bytes]:
        """The keys that were added since this was asked last, in the order of their rows."""
        with self._file(KEYS).open("rb") as file:
            file.seek(len(self.sums) * LINE.itemsize)
            content = file.read()
        whole = np.frombuffer(content[: len(content) // LINE.itemsize * LINE.itemsize], LINE)
        self.sums += whole["sum"].tolist()
        return [bytes(key) for key in whole["key"]]

    def read(self, row: int) -> bytes | None:
        """A row's bytes; none if they are not those that were written."""
        if self._rows is None:
            self._rows = self._file(ROWS).open("rb")
        self._rows.seek(row * self.length)
        content = self._rows.read(self.length)
        return content if zlib.crc32(content) == self.sums[row] else None

    def append(self, key: bytes, content: bytes) -> int:
        """Adds a row and returns its number; what does not fit on the disk is taken back.

        Args:
            key: Which nobody looks up before it is known here.
            content: As many bytes as a row has.
        """
        if self._out is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Without buffers: what is written is there for others, and a full disk says so at once.
            rows, keys = (FileIO(self._file(each), "x") for each in (ROWS, KEYS))
            self._out = rows, keys
        rows, keys = self._out
        count, checksum = len(self.sums), zlib.crc32(content)
        try:
            _write(rows, content)
            _write(keys, np.array([(key, checksum)], LINE).tobytes())
        except OSError:
            for file, size in ((rows, self.length), (keys, LINE.itemsize)):
                os.ftruncate(file.fileno(), count * size)
                file.seek(0, os.SEEK_END)
            raise
        self.sums.append(checksum)
        return count

    def _file(self, ending: str) -> Path:
        return self.path.with_name(self.path.name + ending)  # a host's name may have dots

    def close(self) -> None:
        """Closes the files."""
        for file in (self._rows, *(self._out or ())):
            if file is not None:
                file.close()
        self._rows = self._out = None


def _write(file: FileIO, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) or 0 :]
