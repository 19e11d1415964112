"""The samples of one split: read, checked, augmented, turned into tensors."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from datamodules.checks import check_sample
from datamodules.transforms import Sample, Transform

Record = TypeVar("Record")
TensorSample: TypeAlias = dict[str, Tensor | str]

BESIDE_LABELS = ("image", "name", "camera", "size", "shown")
"""All that a sample holds beside the labels of its tasks."""

# Keeps the augmentation's random numbers apart from a renderer's with the same three integers.
AUGMENTATION = 0xA06


class Draw(NamedTuple):
    """Which sample to load, and in which epoch: what its augmentation depends on."""

    epoch: int
    position: int


@dataclass(frozen=True)
class Source(Generic[Record]):
    """A split of a dataset: its records, and the function that reads one of them.

    Attributes:
        records: What `read` needs to find each sample, e.g. a tuple of paths.
        read: Gives one record as NumPy arrays, image and maps as `[height, width, ...]`: `image`,
            `name`, `camera` where known, and the tasks asked for, decoding no others. Must be
            picklable.
        checked: Whether what `read` gives was checked once and for all; then it is not again.
    """

    records: Sequence[Record]
    read: Callable[[Record, Sequence[str]], Sample]
    checked: bool = False


class Samples(Dataset[TensorSample]):
    """The samples of one split as tensors, each a function of (seed, epoch, index) alone.

    Args:
        source: Records and their reader.
        tasks: Names of the tasks to read.
        classes: Number of classes of each task that has classes.
        transforms: Applied in this order; joint geometry comes before photometric changes.
        seed: Of the transforms' random numbers.
        variants: After how many epochs these come again; null for never.
    """

    def __init__(
        self,
        source: Source[Any],
        tasks: Sequence[str],
        classes: Mapping[str, int],
        transforms: Sequence[Transform] = (),
        seed: int = 0,
        variants: int | None = None,
    ) -> None:
        self.source = source
        self.tasks = tuple(tasks)
        self.classes = dict(classes)
        self.transforms = tuple(transforms)
        self.seed = seed
        self.variants = variants

    def __len__(self) -> int:
        return len(self.source.records)

    def __getitem__(self, draw: Draw | int) -> TensorSample:
        epoch, position = draw if isinstance(draw, Draw) else Draw(0, draw)
        sample = self.source.read(self.source.records[position], self.tasks)
        if not self.source.checked:
            check_sample(sample, self.tasks, self.classes)
        variant = epoch % self.variants if self.variants else epoch
        random = np.random.default_rng([AUGMENTATION, self.seed, variant, position])
        for transform in self.transforms:
            sample = transform(sample, random)
        return {key: to_tensor(value) for key, value in sample.items()}


def to_tensor(value: np.ndarray | str) -> Tensor | str:
    """Turn arrays into tensors with the channels first; class ids become int64, floats float32.

    A float map without channels gets an axis of one channel; names stay what they are.
    """
    if isinstance(value, str):
        return value
    integer = np.issubdtype(value.dtype, np.integer)
    # Readers may give read-only views of a memory map, which a tensor must not share.
    if value.ndim == 3:
        dtype = None if integer else np.float32
        return torch.from_numpy(np.require(value.transpose(2, 0, 1), dtype, ("C", "W")))
    if integer:
        return torch.from_numpy(np.require(value, np.int64, ("C", "W")))
    tensor = torch.from_numpy(np.require(value, np.float32, ("C", "W")))
    return tensor[None] if value.ndim == 2 else tensor


def batched(samples: Sequence[TensorSample]) -> dict[str, Any]:
    """Makes a batch: stacks what the samples have.

    Labels at their size on disk, beside `size`, stay a list, since each may have another.
    """
    native = [key for key in samples[0] if "size" in samples[0] and key not in BESIDE_LABELS]
    apart = {key: [sample[key] for sample in samples] for key in native}
    alike = [{key: sample[key] for key in sample if key not in apart} for sample in samples]
    return {**default_collate(alike), **apart}
