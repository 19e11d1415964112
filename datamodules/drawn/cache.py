"""Rendered samples kept on disk as memory-mapped arrays, whole or not at all."""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np

from datamodules.disk.unfinished import ENDING
from datamodules.processes.parallel import alive, in_processes
from datamodules.processes.progress import tracked
from datamodules.samples import Source
from datamodules.transforms import Sample

MANIFEST = "manifest.json"
SECONDS_PER_DAY = 24 * 60 * 60


@dataclass(frozen=True)
class Kept:
    """How one key is kept in fewer bits than it was rendered in.

    Attributes:
        dtype: Its type on disk.
        restore: Undoes what rounding did to it, once it is float32 again.
    """

    dtype: str
    restore: Callable[[np.ndarray], np.ndarray] = np.asarray


class Cache:
    """One split of samples of equal shape, in a folder with one `.npy` file per key.

    It is written beside its place and moved there when complete, so a folder that exists is
    whole; when opened, it is compared with its manifest all the same.

    Args:
        folder: Where the split is, or will be.
        settings: All that the samples depend on; a folder with other settings is refused.
        kept: The keys that are kept in fewer bits than they are rendered in.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any], kept: Mapping[str, Kept]) -> None:
        self.folder = folder
        self.settings = json.loads(json.dumps(settings))  # as it will come back from the file
        self.kept = dict(kept)
        # The memory maps of the keys that were asked for; the others' files are not opened.
        self.arrays: dict[str, np.ndarray] = {}

    def __getstate__(self) -> dict[str, Any]:
        # A pickled memory map would be a copy of the data: each worker opens its own.
        return vars(self) | {"arrays": {}}

    def prepare(self, source: Source[Any], tasks: Sequence[str], processes: int) -> None:
        """Render the samples of `source` unless they are here already.

        Args:
            source: What to keep.
            tasks: The tasks to read from it.
            processes: Number of processes that render; 0 renders in this one.
        """
        if self.folder.exists():
            self.verify()
            return
        parent = self.folder.parent
        parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(parent)
        name = f".{self.folder.name}-"
        unfinished = Path(tempfile.mkdtemp(prefix=name, suffix=ENDING, dir=parent))
        try:
            count = len(source.records)
            drawn = in_processes(partial(_read, source, tuple(tasks)), count, processes)
            samples = alive(drawn, "Sample {}".format, "The next run renders it again.")
            self._write(unfinished, tracked(samples, f"Rendering {self.folder}", count), count)
            self._move(unfinished)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        self.verify()

    def verify(self) -> None:
        """Raise an error that says what to do unless the folder is whole and the one expected."""
        if not self.folder.exists():
            raise FileNotFoundError(
                f"The cache `{self.folder}` does not exist. Call `prepare_data()` to render it."
            )
        manifest = self._manifest()
        if manifest["settings"] != self.settings:
            self._fail(f"`{MANIFEST}` is of other settings: {manifest['settings']}")
        for key, size in manifest["bytes"].items():
            file = self.folder / f"{key}.npy"
            found = file.stat().st_size if file.exists() else 0
            if found != size:
                self._fail(f"`{file.name}` should have {size} bytes, found {found}")

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """All that was kept."""
        return tuple(self._manifest()["bytes"])

    def read(self, index: int, tasks: Sequence[str]) -> Sample:
        """Image, camera if there is one, and the tasks asked for, of one sample."""
        sample: Sample = {}
        for key in (key for key in ("image", "camera", *tasks) if key in self.keys):
            if key not in self.arrays:
                self.arrays[key] = np.load(self.folder / f"{key}.npy", mmap_mode="r")
            stored = self.arrays[key][index, ...]
            floating = np.issubdtype(stored.dtype, np.floating)
            value = np.array(stored, dtype=np.float32 if floating else None)
            sample[key] = self.kept[key].restore(value) if key in self.kept else value
        return sample

    def _write(self, folder: Path, samples: Iterable[Sample], count: int) -> None:
        files: dict[str, BinaryIO] = {}
        with ExitStack() as stack:
            for sample in samples:
                for key, value in sample.items():
                    kept = self.kept.get(key)
                    array = np.asarray(value, dtype=kept.dtype if kept else None, order="C")
                    if key not in files:
                        files[key] = stack.enter_context((folder / f"{key}.npy").open("wb"))
                        _write_header(files[key], array, count)
                    # Through the file, not a memory map: a full disk is then an error, no crash.
                    files[key].write(array.tobytes())
        manifest = {
            "settings": self.settings,
            "bytes": {key: (folder / f"{key}.npy").stat().st_size for key in files},
        }
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=2), encoding="utf-8")

    def _move(self, unfinished: Path) -> None:
        unfinished.chmod(0o755)  # temporary folders are private, a cache may be shared
        try:
            os.replace(unfinished, self.folder)  # noqa: PTH105
        except OSError:
            # Another process may have been faster with the same samples; its folder is as good.
            if not self.folder.exists():
                raise

    def _manifest(self) -> dict[str, Any]:
        try:
            manifest = json.loads((self.folder / MANIFEST).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self._fail(f"`{MANIFEST}` is missing or not readable")
        if not isinstance(manifest, dict) or manifest.keys() != {"settings", "bytes"}:
            self._fail(f"`{MANIFEST}` should hold `settings` and `bytes`")
        return manifest

    def _fail(self, problem: str) -> NoReturn:
        raise ValueError(
            f"The cache `{self.folder}` is damaged or not ours: {problem}."
            " Delete this folder; the next run renders it again."
        )


def _read(source: Source[Any], tasks: Sequence[str], index: int) -> Sample:
    return source.read(source.records[index], tasks)


def _write_header(file: BinaryIO, array: np.ndarray, count: int) -> None:
    header = np.lib.format.header_data_from_array_1_0(array)
    np.lib.format.write_array_header_1_0(file, header | {"shape": (count, *array.shape)})


def _remove_abandoned(parent: Path) -> None:
    """Remove what renders that were killed have left; whatever is younger may still be going on."""
    for folder in parent.glob(f".*{ENDING}"):
        if time.time() - folder.stat().st_mtime > SECONDS_PER_DAY:
            shutil.rmtree(folder, ignore_errors=True)
