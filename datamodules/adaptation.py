"""A labelled source domain and images of a target domain, for unsupervised domain adaptation."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from lightning.pytorch import LightningDataModule
from torch.utils.data import Dataset

from datamodules.base import DenseDataModule
from datamodules.labels import Labels
from datamodules.loader import Loader, ShuffledSampler
from datamodules.predictions import PredictionFormat
from datamodules.samples import Draw, Samples

TARGET = "target"
"""Key of the target's samples in a training batch."""


class Adaptation(LightningDataModule):
    """Trains on a source's labels and a target's images; evaluates on the target.

    A training batch is the source's, with `target` beside it: as many of the target's training
    samples as a dict of their own, with `image` and `name`. All tasks of the target are withheld,
    so no file with a label of its training split is opened. Validation, test and prediction are
    the target's alone, with its own batch size.

    An epoch is one of the source. The target goes round in passes of its own, each in another
    order: no pass begins before the last one has been through every sample. All are seen about
    equally often, but for those that fall into what an epoch lacks to a full batch. Ranks never
    share a sample of a pass, and a run that is resumed goes on with the very next sample of both.

    Args:
        source: The dataset with labels. Batch size and workers of training are its.
        target: The dataset that the network is wanted for, with the same classes.
        tasks: Names of the tasks of both, in place of their own; by default those of the source.
    """

    def __init__(
        self,
        source: DenseDataModule,
        target: DenseDataModule,
        tasks: Sequence[str] | None = None,
    ) -> None:
        super().__init__()
        self.source, self.target = source, target
        self.tasks = source._checked_tasks(source.tasks if tasks is None else tasks)
        source.tasks, target.tasks = self.tasks, target._checked_tasks(self.tasks)
        target.withheld = target.tasks
        _check_same_classes(source.labels, target.labels, self.tasks)

    @property
    def parts(self) -> Mapping[str, DenseDataModule]:
        """The datasets it is made of, each whole by itself, by name."""
        return {"source": self.source, "target": self.target}

    @property
    def labels(self) -> dict[str, Labels]:
        """Names and colours of the classes of each task that has classes."""
        return self.target.labels

    @property
    def image_size(self) -> tuple[int, int] | None:
        """The target's height and width, which the network is evaluated at."""
        return getattr(self.target, "image_size", None)

    @property
    def variants(self) -> int | None:
        """How many augmented variants of an image there are; null if any has new ones for ever."""
        both = self.source.variants, self.target.variants
        return None if None in both else max(each for each in both if each)

    @property
    def prediction_format(self) -> PredictionFormat | None:
        """The files that predictions are kept in."""
        return self.target.prediction_format

    def lacks(self, split: str) -> str | None:
        """Why the settings leave a split without samples; None if they do not."""
        return (self.source.lacks(split) if split == "train" else None) or self.target.lacks(split)

    def predicted_only(self, split: str) -> str | None:
        """Why a split can be predicted and not tested; None if it has labels."""
        return self.target.predicted_only(split)

    def locate(self, stage: str) -> None:
        """Raise the error for data of one of the two that is not where it was said to be."""
        if stage == "fit":
            self.source.locate(stage)
        self.target.locate(stage)

    def prepare_data(self) -> None:
        self.source.prepare_data()
        self.target.prepare_data()

    def setup(self, stage: str | None = None) -> None:
        if stage in ("fit", None):
            self.source.setup("fit")
        self.target.setup(stage)

    def train_dataloader(self) -> Loader:
        pairs = Pairs(self.source._split("train"), self.target._split("train"))
        sampler = PairedSampler(pairs, self.source.seed, self.target.seed)
        return self.source._training_loader(sampler)

    def val_dataloader(self) -> Loader:
        return self.target.val_dataloader()

    def test_dataloader(self) -> Loader:
        return self.target.test_dataloader()

    def predict_dataloader(self) -> Loader:
        return self.target.predict_dataloader()

    def on_after_batch_transfer(
        self, batch: dict[str, Any], dataloader_idx: int = 0
    ) -> dict[str, Any]:
        """Scale 8-bit images to [0, 1], on the device; images that are float stay as they are."""
        if TARGET in batch:
            target = self.target.on_after_batch_transfer(batch[TARGET], dataloader_idx)
            return self.source.on_after_batch_transfer(batch, dataloader_idx) | {TARGET: target}
        return self.target.on_after_batch_transfer(batch, dataloader_idx)


class Pair(NamedTuple):
    """Which sample of the source to load, and which of the target beside it."""

    source: Draw
    target: Draw


class Pairs(Dataset[dict[str, Any]]):
    """Samples of the source that each bring one of the target along.

    Args:
        source: The training split with labels.
        target: The training split without.
    """

    def __init__(self, source: Samples, target: Samples) -> None:
        self.source, self.target = source, target
        self.parts = (source, target)

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, pair: Pair | int) -> dict[str, Any]:
        if isinstance(pair, int):  # of a sampler that Lightning puts in the place of ours
            pair = Pair(Draw(0, pair), Draw(0, pair % len(self.target)))
        target = self.target[pair.target]
        # Whatever a reader gives beside the image, no label gets into the batch.
        unlabelled = {key: target[key] for key in ("image", "name")}
        return {**self.source[pair.source], TARGET: unlabelled}


class PairedSampler(ShuffledSampler):
    """Yields this rank's share of an epoch of the source, each with the target's next sample.

    Position p of the target, counted over all epochs and ranks from zero, lies in pass p // T of
    its T samples, and is a function of (`target_seed`, p) alone.

    Args:
        pairs: The training splits.
        seed: Of the source's order.
        target_seed: Of the target's order.
    """

    def __init__(self, pairs: Pairs, seed: int = 0, target_seed: int = 0) -> None:
        super().__init__(pairs, seed)
        self.target_seed = target_seed
        self.target_samples = len(pairs.target)

    def __iter__(self) -> Iterator[Pair]:  # type: ignore[override]
        skip = self.skip  # which the source's pass forgets
        source = super().__iter__()
        target = self.target_draws()[self.rank :: self.num_replicas][skip:]
        return iter([Pair(*draws) for draws in zip(source, target, strict=True)])

    def settings(self) -> dict[str, int]:
        target = {"target_samples": self.target_samples, "target_seed": self.target_seed}
        return super().settings() | target

    def target_draws(self) -> list[Draw]:
        """The target's samples for all ranks in this epoch, in their order."""
        size, used = self.target_samples, self._used()
        begin = self.epoch * used
        passes = range(begin // size, (begin + used - 1) // size + 1)
        draws = []
        for number in passes:
            random = np.random.default_rng([self.target_seed, number])
            draws += [Draw(number, index) for index in random.permutation(size).tolist()]
        start = begin - passes.start * size
        return draws[start : start + used]


def _check_same_classes(
    source: Mapping[str, Labels], target: Mapping[str, Labels], tasks: Sequence[str]
) -> None:
    for task in tasks:
        names = [labels[task].names if task in labels else () for labels in (source, target)]
        if names[0] != names[1]:
            raise ValueError(
                f"`source` and `target` should have the same classes of {task}, found"
                f" {len(names[0])} ({', '.join(names[0])}) and {len(names[1])}"
                f" ({', '.join(names[1])}). Read both in one `label_space`."
            )
