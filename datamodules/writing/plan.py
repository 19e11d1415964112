"""Which scenes go into which folder, and whether that folder may be written to."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from datamodules.rendering import LOOKS
from datamodules.settings import one_of
from datamodules.writing.files import save
from datamodules.writing.layout import Layout, Place
from datamodules.writing.stand_ins import find_layout
from datamodules.writing.views import Views

MANIFEST = "scenes.json"
"""In the root of what was written: the settings, by which a later run knows what to finish."""
SMALLEST = 16


@dataclass(frozen=True)
class Plan:
    """A tree of files, to be written or finished.

    Attributes:
        layout: In which layout.
        out: The dataset's folder.
        count: How many scenes for training.
        size: Height and width of the images.
        seed: Of the scenes.
        look: One of `datamodules.rendering.LOOKS`.
    """

    layout: Layout
    out: Path
    count: int
    size: tuple[int, int]
    seed: int
    look: str

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"`count` should be at least 1, found {self.count}.")
        if self.seed < 0:
            raise ValueError(f"`seed` should be 0 or more, found {self.seed}.")
        one_of("look", self.look, LOOKS)
        if min(self.size) < SMALLEST:
            raise ValueError(f"`size` should be at least {SMALLEST} pixels, found {self.size}.")

    @cached_property
    def places(self) -> list[Place]:
        return self.layout.places(self.count)

    @cached_property
    def files(self) -> list[str]:
        """Paths below `out` of all files of the dataset."""
        own = [path for place in self.places for path in self.layout.files(place)]
        return [*own, *self.layout.shared(self.places, self.size)]

    @property
    def missing(self) -> list[str]:
        """Those that are not there yet."""
        return [path for path in self.files if not (self.out / path).is_file()]

    @property
    def views(self) -> Views:
        """Draws the scenes."""
        kind, look = self.layout, LOOKS[self.look]
        return Views(kind.word, kind.scenery, kind.calibration, self.size, self.seed, look)

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "as": self.layout.word,
            "form": self.layout.form,
            "count": self.count,
            "size": list(self.size),
            "seed": self.seed,
            "look": self.look,
        }

    def write(self, overwrite: bool = False, processes: int | None = None) -> None:
        """Write what is missing.

        Args:
            overwrite: Removes the files of an earlier run with other settings first.
            processes: How many draw at once; by default one per core, 0 draws in this process.

        Raises:
            ValueError: The folder holds something else, or scenes with other settings.
        """
        self.check_folder(overwrite)
        earlier = read_plan(self.out)
        if overwrite and earlier is not None:
            earlier.remove()
        save(self.out / MANIFEST, self.settings)
        self.layout.write(self.out, self.places, self.views, processes)

    def check_folder(self, overwrite: bool = False) -> None:
        """Raise an error unless `out` is empty, or holds scenes that this plan may touch."""
        if self.out.exists() and not self.out.is_dir():
            raise ValueError(f"`out` should be a folder, found the file `{self.out}`.")
        if not self.out.exists() or not any(self.out.iterdir()):
            return
        if not (self.out / MANIFEST).is_file():
            raise ValueError(
                f"`out` should be an empty or a new folder: `{self.out}` is not empty, and was not"
                f" written by `lightning scenes` (it has no `{MANIFEST}`), so it is left alone even"
                " with `--overwrite`. Give another folder, or empty this one yourself."
            )
        earlier = read_plan(self.out)
        if earlier is None:
            raise ValueError(
                f"`out` should be new or hold scenes whose `{MANIFEST}` says which files they are:"
                f" that of `{self.out}` cannot be read by this version, so nothing is replaced even"
                " with `--overwrite`. Give another folder, or empty this one yourself."
            )
        if not overwrite and earlier.settings != self.settings:
            raise ValueError(
                f"`out` should be new or hold scenes with the same settings: `{self.out}` has"
                f" {earlier.settings}, not {self.settings}. Give the same settings to finish it,"
                " another folder, or `--overwrite` to replace those scenes."
            )

    def remove(self) -> None:
        """Remove the files of this plan, and the folders that are empty then; nothing else."""
        for path in self.files:
            (self.out / path).unlink(missing_ok=True)
        for path in self.files:
            _remove_empty(self.out, (self.out / path).parent)


def read_plan(out: Path) -> Plan | None:
    """The plan by which a folder was written, None if there is none that can be read."""
    try:
        found = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
        layout = find_layout(found["as"], found["form"])
        size = (found["size"][0], found["size"][1])
        return Plan(layout, out, found["count"], size, found["seed"], found["look"])
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None


def _remove_empty(root: Path, folder: Path) -> None:
    while folder != root and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def make_plan(
    layout: str | Layout,
    out: str | Path,
    count: int,
    form: str | None = None,
    size: Sequence[int] | None = None,
    seed: int = 0,
    look: str = "day",
) -> Plan:
    """What is to be written, to write scenes to disk as if they were a dataset.

    Args:
        layout: The dataset's word, e.g. `cityscapes`, or a layout.
        out: The dataset's folder; new, empty, or one that an earlier run has begun.
        count: Scenes for training; validation and test get a quarter of it each.
        form: Which of the dataset's forms on disk; by default the first of its `layouts`.
        size: Height and width; by default those of the dataset.
        seed: Of the scenes.
        look: `day` or `dusk`.
    """
    chosen = find_layout(layout, form) if isinstance(layout, str) else layout
    height, width = chosen.size if size is None else size
    return Plan(chosen, Path(out), count, (int(height), int(width)), seed, look)


def write_scenes(
    layout: str | Layout,
    out: str | Path,
    count: int,
    overwrite: bool = False,
    processes: int | None = None,
    **options: Any,
) -> Plan:
    """Write procedural scenes to disk as if they were a dataset.

    Args:
        layout: As in `make_plan`, which takes the options, too.
        out: Likewise.
        count: Likewise.
        overwrite: Replaces scenes with other settings that are in `out`.
        processes: How many draw at once; by default one per core, 0 draws in this process.
        options: Form, size, seed and look.

    Returns:
        What was written.
    """
    plan = make_plan(layout, out, count, **options)
    plan.write(overwrite, processes)
    return plan
