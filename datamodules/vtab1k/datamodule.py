"""VTAB-1k as a DataModule."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from datamodules.classified import ClassifiedImages, Photo
from datamodules.geometry import Resize
from datamodules.settings import one_of
from datamodules.transforms import Transform
from datamodules.vtab1k.layout import VTABTree
from datamodules.vtab1k.sets import SETS

COUNTS = {"train800": 800, "val200": 200, "train800val200": 1000}
TAUGHT = ("train800val200", "train800")


class VTAB1k(ClassifiedImages):
    """One set of VTAB-1k's specialised group: a thousand images to learn from.

    - Source: Zhai et al., "A Large-scale Study of Representation Learning with the Visual Task
      Adaptation Benchmark", 2019, as the field hands it on in files. Tumours (`patch_camelyon`,
      task `camelyon`; CC0), land use (`eurosat`), aerial scenes (`resisc45`) and stages of an
      eye's disease (`diabetic_retinopathy`, task `retinopathy`; by registration at Kaggle).
    - Splits: `train` 1000 images, or 800; `val` 200; `test` 32,768, 5400, 6300 and 42,670.
    - Tree, in `root` or in `vtab-1k` below it; images are 96, 64, 256 and up to 540 pixels wide:

          <set>/{train800,val200,train800val200,test}.txt    lines of a path and a class from 0 on
          <set>/images/<list>/<6 digits>.jpg

    - The task is known of every image. The lists hold no names of classes: those here are in the
      order of the ids.
    - Training and evaluation stretch each image to the network's size, and change nothing else.

    Note:
        `train800val200` holds the images of the two other lists, encoded again: they are never
        joined. Trained on it, `val` has been learned: it shows progress and chooses nothing.
        Settings are chosen on `train800` and `val`.

    Args:
        root: The folder with a folder for each set, or the folder around it.
        image_size: Height and width of the network's input.
        set: `patch_camelyon`, `eurosat`, `resisc45` or `diabetic_retinopathy`.
        taught: `train800val200`, as final results are trained, or `train800`.
        options: What all datasets of files take, see `FileDataModule`.
    """

    offers: tuple[str, ...] = ()
    download: ClassVar[str] = "the READMEs of NOAH and of SSF, which hand it on"
    layouts = (VTABTree(),)

    def __init__(
        self,
        root: str | Path,
        image_size: tuple[int, int],
        set: str,
        taught: str = "train800val200",
        **options: Any,
    ) -> None:
        self.set = one_of("set", set, SETS)
        self.offers = (SETS[set].task,)
        super().__init__(root, image_size, **options)
        self.taught = one_of("taught", taught, TAUGHT)

    def official(self, split: str) -> int:
        return (COUNTS | {"test": SETS[self.set].test})[self._list(split)]

    def class_names(self) -> Sequence[str]:
        return SETS[self.set].classes

    def default_geometry(self) -> Sequence[Transform]:
        return self.views()

    def views(self) -> Sequence[Transform]:
        return [Resize(self.image_size)]

    def listed(self, split: str) -> list[Photo]:
        tree = self.within(self.set, "vtab-1k") / self.set
        listed = tree / f"{self._list(split)}.txt"
        return self.photos(listed, tree, self.table(listed).items())

    def _list(self, split: str) -> str:
        return {"train": self.taught, "val": "val200", "test": "test"}[split]
