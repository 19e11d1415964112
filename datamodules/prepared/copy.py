"""A prepared copy of one split, to read from."""

import hashlib
import json
import mmap
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np

from datamodules.transforms import Sample

MANIFEST = "manifest.json"
INDEX = "index.bin"
NAMES = "names.txt"
FILES = "files.txt"
SUFFIX = ".raw"

COMMON = ("image", "camera")
"""What every copy holds, whatever its tasks are; the camera only where the reader gives it."""

CAMERA_WITH = "camera_with"
"""Of readers and manifests: the task without which there is no camera; none where there always is.
"""

ABSENT = -1
"""Number of dimensions of an array that a sample does not have."""

# Where an array lies in its key's file, what it is, and the checksum of its bytes.
PLACE = np.dtype(
    [("offset", "<i8"), ("dtype", "S4"), ("axes", "<i4"), ("shape", "<i4", 3), ("sum", "<u4")]
)


class PreparedRecord(NamedTuple):
    """A sample of a prepared copy."""

    name: str
    position: int


def row_type(keys: Sequence[str]) -> np.dtype[Any]:
    """The type of one sample's line in the index: the state of its files, and its arrays."""
    return np.dtype([("state", "<u8"), *((key, PLACE) for key in keys)])


class Copy:
    """Samples of one split as they were read once, in one file per key.

    The arrays that it gives are read-only views of the files: nothing is decoded or copied, and
    all processes of a machine share the memory. They were checked when they were written.

    Args:
        folder: Where the copy is.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # The files of the keys that were asked for; the others are not opened.
        self._maps: dict[str, mmap.mmap] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self.folder, "_maps": {}}  # every process opens its own

    def __call__(self, record: PreparedRecord, tasks: Sequence[str]) -> Sample:
        row = self.index[record.position]
        sample: Sample = {"name": record.name}
        beside = self.manifest.get(CAMERA_WITH)
        common = COMMON if beside is None or beside in tasks else COMMON[:1]
        for key in (*common, *tasks):
            if key in self.keys and row[key]["axes"] != ABSENT:
                sample[key] = self.array(key, row[key])
        return sample

    def array(self, key: str, place: Any) -> np.ndarray:
        """A view of one array."""
        shape = tuple(map(int, place["shape"][: int(place["axes"])]))
        dtype = np.dtype(place["dtype"].decode())
        count = int(np.prod(shape, dtype=np.int64))
        return np.frombuffer(self._map(key), dtype, count, int(place["offset"])).reshape(shape)

    @property
    def keys(self) -> tuple[str, ...]:
        """Image, camera and the tasks that the copy was made for."""
        return tuple(self.manifest["keys"])

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that the copy was made for."""
        return tuple(key for key in self.keys if key not in COMMON)

    @cached_property
    def names(self) -> list[str]:
        """The samples' names, in the order of their positions."""
        return (self.folder / NAMES).read_text(encoding="utf-8").splitlines()

    @cached_property
    def files(self) -> list[str]:
        """The files that each sample was read from, as JSON lists of names below the root."""
        return (self.folder / FILES).read_text(encoding="utf-8").splitlines()

    @cached_property
    def index(self) -> np.ndarray:
        """One row per sample."""
        return np.fromfile(self.folder / INDEX, row_type(self.keys))

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What the copy is of."""
        try:
            manifest: dict[str, Any] = json.loads(
                (self.folder / MANIFEST).read_text(encoding="utf-8")
            )
            manifest["keys"], manifest["bytes"], manifest["digest"], manifest["settings"]
        except (OSError, ValueError, TypeError, KeyError):
            self.fail(f"`{MANIFEST}` is missing or not readable")
        return manifest

    def verify(self) -> None:
        """Raise an error unless index and sizes are those that were written.

        The arrays themselves were compared with their checksums at the end of writing.
        """
        for file, size in self.manifest["bytes"].items():
            found = (self.folder / file).stat().st_size if (self.folder / file).exists() else 0
            if found != size:
                self.fail(f"`{file}` should have {size} bytes, found {found}")
        if self.manifest["digest"] != index_digest(self.folder):
            self.fail(f"`{INDEX}`, `{NAMES}` or `{FILES}` was changed")

    def fail(self, problem: str) -> NoReturn:
        """Raise the error for a copy that cannot be used."""
        raise ValueError(
            f"The prepared copy `{self.folder}` cannot be used: {problem}. Run `lightning prepare`"
            " with this config to write it anew, or delete this folder to read the dataset's own"
            " files."
        )

    def _map(self, key: str) -> mmap.mmap:
        if key not in self._maps:
            name = f"{key}{SUFFIX}"
            size = self.manifest["bytes"][name]
            with (self.folder / name).open("rb") as file:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            # Access beyond a file's end would kill this process without a word.
            if len(mapped) != size:
                self.fail(f"`{name}` should have {size} bytes, found {len(mapped)}")
            self._maps[key] = mapped
        return self._maps[key]


def index_digest(folder: Path) -> str:
    """The digest over index and names, and with the checksums in the index over every array."""
    digest = hashlib.sha256()
    for name in (INDEX, NAMES, FILES):
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()
