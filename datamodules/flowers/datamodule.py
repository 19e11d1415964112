"""Oxford Flowers as a DataModule."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from datamodules.classified import ClassifiedImages, Photo
from datamodules.disk.images import unreadable
from datamodules.disk.matlab import read_numbers
from datamodules.flowers.classes import FLOWERS
from datamodules.flowers.layout import FlowersTree
from datamodules.settings import one_of

ARCHIVE = "flowers-102"
TRAIN, VAL, TEST = "trnid", "valid", "tstid"
COUNTS = {TRAIN: 1020, VAL: 1020, TEST: 6149}
TAUGHT = {"train": (TRAIN,), "trainval": (TRAIN, VAL)}


class Flowers(ClassifiedImages):
    """Flowers of 102 kinds: `flowers`.

    - Source: Nilsback and Zisserman, "Automated Flower Classification over a Large Number of
      Classes", ICVGIP 2008. No licence is stated.
    - Splits: 1020 photos for training, 1020 for validation (10 of each class) and 6149, the most,
      for test. Trained on `trainval`, `val` is `test`, and whoever picks a checkpoint by it has no
      untouched test left.
    - Tree, in `root` or in `flowers-102` below it, as torchvision unpacks it:

          jpg/image_<5 digits>.jpg                the short side has 500 pixels or more
          imagelabels.mat                         `labels`, a class from 1 on for each photo
          setid.mat                               `trnid`, `valid`, `tstid`: numbers of photos

    - `flowers`: 0 to 101, known of every photo. The files hold no names; those here are the set's.

    Args:
        root: Folder of the dataset, or the folder around it.
        image_size: Height and width of the network's input.
        taught: `train`, as VTAB and VPT train, or `trainval`. EMTAL does not say which it has.
        options: What all datasets of files take, see `FileDataModule`.
    """

    offers = ("flowers",)
    download: ClassVar[str] = "www.robots.ox.ac.uk/~vgg/data/flowers/102"
    layouts = (FlowersTree(),)

    def __init__(
        self,
        root: str | Path,
        image_size: tuple[int, int],
        taught: str = "train",
        **options: Any,
    ) -> None:
        super().__init__(root, image_size, **options)
        self.taught = one_of("taught", taught, TAUGHT)

    def official(self, split: str) -> int:
        return sum(COUNTS[part] for part in self._parts(split))

    def class_names(self) -> Sequence[str]:
        return FLOWERS

    def listed(self, split: str) -> list[Photo]:
        tree = self.within("jpg", ARCHIVE)
        labels, sets = tree / "imagelabels.mat", tree / "setid.mat"
        ids = read_numbers(labels, "labels") - 1
        numbers = np.concatenate([read_numbers(sets, part) for part in self._parts(split)])
        if not numbers.size or not 1 <= numbers.min() <= numbers.max() <= len(ids):
            found = f"{numbers.size} from {numbers.min(initial=0)} to {numbers.max(initial=0)}"
            raise unreadable(sets, f"hold numbers of {len(ids)} photos", found)
        rows = [(f"image_{number:05d}.jpg", ids[number - 1]) for number in numbers]
        return self.photos(labels, tree / "jpg", rows)

    def _parts(self, split: str) -> tuple[str, ...]:
        held_out = {"val": VAL if self.taught == "train" else TEST, "test": TEST}
        return TAUGHT[self.taught] if split == "train" else (held_out[split],)
