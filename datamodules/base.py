"""What all datasets share: splits, loaders, seeds, augmentation, the form of a batch."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from lightning.pytorch import LightningDataModule

from datamodules.geometry import RandomFlip
from datamodules.labels import Labels
from datamodules.loader import KeyedSampler, Loader, OrderedSampler, ShuffledSampler
from datamodules.photometric import Photometric
from datamodules.predictions import NativeSize, PredictionFormat
from datamodules.processes.workers import single_thread
from datamodules.samples import Samples, Source, batched
from datamodules.transforms import Transform

SPLITS = ("train", "val", "test")

SPLITS_OF_STAGE: Mapping[str | None, tuple[str, ...]] = {
    "fit": ("train", "val"),
    "validate": ("val",),
    "test": ("test",),
    "predict": ("test",),
    None: SPLITS,
}


WITHOUT: Mapping[str, str] = {
    "train": "run `validate` or `test`, which need no training split",
    "val": "fit without validation, by `--trainer.limit_val_batches 0`",
    "test": "fit without testing, by `--test_after_fit false`",
}
"""What can be done without a split."""


class DenseDataModule(LightningDataModule):
    """Loads images with labels of several tasks; one subclass per dataset.

    A dataset gives `offers` (its tasks), `labels` (its classes) and `source` (records of a split
    and how to read one); it may give other default augmentation, or `prepare_data`.

    A batch holds `image` (float32 in [0, 1]), `name`, `camera` where known, and one entry per
    task; where an evaluation is at the size on disk, `size` too, and per task a list of labels.
    Every sample is a function of (`seed`, epoch, index) alone, whatever the workers.

    Args:
        tasks: Names of the tasks to read; by default all that the dataset offers.
        batch_size: Samples per batch and rank.
        workers: Worker processes per loader, each with one thread; 0 loads in this process.
        seed: Of the order of the training samples and of their augmentation.
        augment: Transforms of the training samples, in this order: first those of image and labels
            together, then those of the image alone. By default the dataset's own, `[]` for none.
        withheld: Those of `tasks` whose labels are never read for training: the samples of `train`
            lack them, those of `val` and `test` have them. With all tasks withheld training has
            images alone.
        variants: How many augmented variants of a training image there are: epoch e has those of
            epoch e modulo so many. By default none comes twice.
    """

    offers: tuple[str, ...] = ("segmentation", "depth", "normals", "edges")
    sparse: ClassVar[frozenset[str]] = frozenset()
    """Tasks of which whole samples are unknown, in training too, and nothing is wrong."""

    def __init__(
        self,
        tasks: Sequence[str] | None = None,
        batch_size: int = 16,
        workers: int = 2,
        seed: int = 0,
        augment: Sequence[Transform] | None = None,
        withheld: Sequence[str] = (),
        variants: int | None = None,
    ) -> None:
        super().__init__()
        self.tasks = self._checked_tasks(tasks)
        self.withheld = self._checked_withheld(withheld)
        if batch_size < 1:
            raise ValueError(f"`batch_size` should be at least 1, found {batch_size}.")
        if workers < 0:
            raise ValueError(f"`workers` should be 0 or more, found {workers}.")
        if variants is not None and variants < 1:
            raise ValueError(f"`variants` should be at least 1, or null, found {variants}.")
        self.batch_size = batch_size
        self.workers = workers
        self.seed = seed
        self.variants = variants
        self.augment = tuple(self.default_augment() if augment is None else augment)
        self.samples: dict[str, Samples] = {}

    @property
    @abstractmethod
    def labels(self) -> dict[str, Labels]:
        """Names and colours of the classes of each task that has classes."""

    @property
    def parts(self) -> "Mapping[str, DenseDataModule]":
        """The datasets it is made of, each whole by itself, by name: itself, if not a mixture."""
        return {type(self).__name__: self}

    @abstractmethod
    def source(self, split: str) -> Source[Any]:
        """The records of `train`, `val` or `test`, and the function that reads one of them."""

    def locate(self, stage: str) -> None:
        """Raise the error for data that is not where it was said to be, before any is read.

        Args:
            stage: `fit`, `validate`, `test` or `predict`: whose splits are looked for.
        """

    def tasks_of(self, split: str) -> tuple[str, ...]:
        """The tasks that the samples of a split have labels of: in training none is withheld."""
        kept_back = self.withheld if split == "train" else ()
        return tuple(task for task in self.tasks if task not in kept_back)

    @property
    def reads(self) -> tuple[str, ...]:
        """Tasks that the reader is asked for in a split whose labels are all given."""
        return self.needs(self.tasks)

    def reads_of(self, split: str) -> tuple[str, ...]:
        """Tasks that the reader is asked for in this split."""
        return self.needs(self.tasks_of(split))

    def needs(self, tasks: Sequence[str]) -> tuple[str, ...]:
        """Tasks that the reader has to be asked for to make samples with these tasks."""
        return tuple(tasks)

    def lacks(self, split: str) -> str | None:
        """Why the settings leave a split without samples, and what to do; None if they do not.

        Such a split is an error only where it is used: by its loader, not by `setup`.
        """
        return None

    def predicted_only(self, split: str) -> str | None:
        """Why a split cannot be tested, and what to do; None if it has labels."""
        return None

    @property
    def prediction_format(self) -> PredictionFormat | None:
        """The files that predictions are kept in; None if the dataset has no format of its own."""
        return None

    def default_augment(self) -> Sequence[Transform]:
        """The dataset's own augmentation of its training samples."""
        return [RandomFlip(), Photometric()]

    def transforms(self, split: str) -> Sequence[Transform]:
        """Transforms of the samples of a split: the augmentation in training, otherwise none."""
        return self.augment if split == "train" else ()

    def views(self) -> Sequence[Transform]:
        """Transforms that bring an image without labels to the network's size."""
        return ()

    def setup(self, stage: str | None = None) -> None:
        classes = {task: len(labels.names) for task, labels in self.labels.items()}
        for split in SPLITS_OF_STAGE[stage]:
            if self.lacks(split) is None:
                reads = self.reads_of(split)  # before anything is looked for on the disk
                self.samples[split] = Samples(
                    self.source(split),
                    reads,
                    classes,
                    self.transforms(split),
                    self.seed,
                    self.variants,
                )

    def train_dataloader(self) -> Loader:
        return self._training_loader(ShuffledSampler(self._split("train"), self.seed))

    def _training_loader(self, sampler: KeyedSampler) -> Loader:
        if len(sampler) < self.batch_size:
            raise ValueError(
                f"`batch_size` should be at most the {len(sampler)} training samples of each rank,"
                f" found {self.batch_size}: there would be no full batch."
            )
        return self._loader(sampler, drop_last=True)

    def val_dataloader(self) -> Loader:
        return self._evaluation_loader("val")

    def test_dataloader(self) -> Loader:
        if reason := self.predicted_only("test"):
            raise ValueError(reason)
        return self._evaluation_loader("test")

    def predict_dataloader(self) -> Loader:
        """The test split's images without labels, with the `size` that they have on disk."""
        images = Samples(self._split("test").source, (), {}, [NativeSize(), *self.views()])
        return self._loader(OrderedSampler(images), drop_last=False)

    def evaluated_at_once(self, samples: Samples) -> int:
        """How many samples a batch of an evaluation has, at most."""
        return self.batch_size

    def on_after_batch_transfer(
        self, batch: dict[str, Any], dataloader_idx: int = 0
    ) -> dict[str, Any]:
        """Scale 8-bit images to [0, 1], on the device; images that are float stay as they are."""
        image = batch["image"]
        if image.dtype == torch.uint8:
            image = image.float() / 255
        return batch | {"image": image}

    def _evaluation_loader(self, split: str) -> Loader:
        samples = self._split(split)
        count = self.evaluated_at_once(samples)
        return self._loader(OrderedSampler(samples), drop_last=False, batch_size=count)

    def _loader(
        self, sampler: KeyedSampler, drop_last: bool, batch_size: int | None = None
    ) -> Loader:
        return Loader(
            sampler.dataset,
            batch_size=batch_size or self.batch_size,
            sampler=sampler,
            num_workers=self.workers,
            collate_fn=batched,
            drop_last=drop_last,
            pin_memory=torch.cuda.is_available(),
            worker_init_fn=single_thread,
            persistent_workers=self.workers > 0,
            # Without a generator of its own each pass would draw a seed from the global one, and
            # the network's random numbers would depend on how often data was loaded.
            generator=torch.Generator().manual_seed(self.seed),
        )

    def _split(self, split: str) -> Samples:
        if reason := self.lacks(split):
            raise ValueError(reason)
        if split not in self.samples:
            raise RuntimeError(
                f"The split `{split}` of {type(self).__name__} is not set up."
                " Outside a Trainer call `prepare_data()` and `setup()` before the loaders."
            )
        return self.samples[split]

    def _checked_tasks(self, tasks: Sequence[str] | None) -> tuple[str, ...]:
        unknown = [task for task in tasks or () if task not in self.offers]
        if unknown or (tasks is not None and not tasks):
            raise ValueError(
                f"`tasks` should be one or more of {list(self.offers)}, which"
                f" {type(self).__name__} offers; found {unknown or 'none'}."
            )
        return tuple(self.offers if tasks is None else tasks)

    def _checked_withheld(self, withheld: Sequence[str]) -> tuple[str, ...]:
        unknown = [task for task in withheld if task not in self.tasks]
        if unknown or isinstance(withheld, str):
            raise ValueError(
                f"`withheld` should be a list of some of the `tasks` {list(self.tasks)}, found"
                f" {withheld!r}. A task that is neither trained nor evaluated is left out of"
                " `tasks`."
            )
        return tuple(task for task in self.tasks if task in withheld)
