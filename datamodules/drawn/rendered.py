"""What datasets that are drawn, not read, have in common."""

import hashlib
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np

from datamodules.base import SPLITS, DenseDataModule
from datamodules.drawn.cache import Cache, Kept
from datamodules.processes.parallel import cores
from datamodules.samples import Source
from datamodules.transforms import Sample

Reader = Callable[[int, Sequence[str]], Sample]


class RenderedDataModule(DenseDataModule):
    """Draws its samples: sample i of a split depends on (`scene_seed`, split, i) and the look.

    A subclass gives `settings` and `drawer`. By default each split is rendered once, on all
    cores, and kept on disk under a name that holds every setting, and a digest of the code that
    draws: scenes are never older than it.

    Args:
        image_size: Height and width in pixels.
        train: Number of training samples.
        val: Number of validation samples.
        test: Number of test samples.
        scene_seed: Of the scenes; `seed`, of order and augmentation, leaves the scenes alone.
        cache: Folder in which rendered splits are kept, or null to draw at every access.
        options: What all datasets take, see `DenseDataModule`.
    """

    kept: ClassVar[Mapping[str, Kept]] = {}

    def __init__(
        self,
        image_size: tuple[int, int] = (128, 128),
        train: int = 800,
        val: int = 100,
        test: int = 200,
        scene_seed: int = 0,
        cache: str | Path | None = "data/scenes",
        **options: Any,
    ) -> None:
        self.image_size = (int(image_size[0]), int(image_size[1]))  # which augmentation ends at
        super().__init__(**options)
        self.train, self.val, self.test = train, val, test
        self.counts = {"train": train, "val": val, "test": test}
        for split, count in self.counts.items():
            if count < 1:
                raise ValueError(f"`{split}` should be at least 1, found {count}.")
        self.scene_seed = scene_seed
        # Of a part of a pair, `cache=null` arrives from the command line as a word.
        self.cache = None if str(cache) in ("None", "null") else Path(cast(str, cache))

    @property
    @abstractmethod
    def settings(self) -> dict[str, str]:
        """What the samples depend on beside size, seed, split and index, in the name's order."""

    @abstractmethod
    def drawer(self, split: str) -> Reader:
        """A picklable function that draws sample i of a split, without its name."""

    def prepare_data(self) -> None:
        for split in SPLITS:
            if kept := self._cache(split):
                source = Source(range(self.counts[split]), self.drawer(split))
                # `workers: 0` asks for a single process; otherwise rendering may use every core.
                kept.prepare(source, self.offers, cores() if self.workers else 0)

    def source(self, split: str) -> Source[int]:
        kept = self._cache(split)
        if kept:
            kept.verify()
        read = kept.read if kept else self.drawer(split)
        prefix = "-".join([*self.settings.values(), split])
        return Source(range(self.counts[split]), partial(_named, prefix, read))

    def _cache(self, split: str) -> Cache | None:
        if self.cache is None:
            return None
        height, width = self.image_size
        settings: dict[str, Any] = self.settings | {
            "size": f"{height}x{width}",
            "seed": f"seed{self.scene_seed}",
            "split": f"{split}{self.counts[split]}",
            "renderer": _renderer_digest(),
        }
        return Cache(self.cache / "-".join(settings.values()), settings, self.kept)


def _named(prefix: str, read: Reader, index: int, tasks: Sequence[str]) -> Sample:
    """Reads a sample and names it after its place in its split."""
    return read(index, tasks) | {"name": f"{prefix}-{index:06d}"}


def scene_random(seed: int, split: str, index: int) -> np.random.Generator:
    """The random numbers of sample `index` of a split, the same on every machine."""
    return np.random.default_rng([seed, SPLITS.index(split), index])


def renderer_files() -> list[Path]:
    """The files that decide what a scene looks like: others of them make other scenes."""
    room = Path(__file__).parents[1]
    return sorted([*room.glob("drawn/*.py"), *room.glob("rendering/*.py"), room / "edges.py"])


@cache
def _renderer_digest() -> str:
    # Once per process: it must not change under a run when somebody edits the files meanwhile.
    digest = hashlib.sha256()
    for file in renderer_files():
        digest.update(file.read_bytes())
    return digest.hexdigest()[:8]
