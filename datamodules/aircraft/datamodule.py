"""FGVC-Aircraft as a DataModule."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from datamodules.aircraft.layout import AircraftTree
from datamodules.classified import ClassifiedImages, Photo
from datamodules.settings import one_of

ARCHIVE = "fgvc-aircraft-2013b/data"
COUNTS = {"train": 3334, "val": 3333, "trainval": 6667, "test": 3333}
TAUGHT = ("trainval", "train")


class Aircraft(ClassifiedImages):
    """Aircraft of 100 variants: `aircraft`.

    - Source: Maji et al., "Fine-Grained Visual Classification of Aircraft", 2013. For
      non-commercial research, as its README says.
    - Splits: 3334 photos for training, 3333 for validation, 3333 for test. Trained on `trainval`,
      `val` is `test`, and whoever picks a checkpoint by it has no untouched test left.
    - Tree, in `root` or in `fgvc-aircraft-2013b/data` below it:

          images/<7 digits>.jpg                            about 1024 pixels wide
          variants.txt                                     a name per line, as `F/A-18`
          images_variant_{train,val,trainval,test}.txt     lines of a photo and its variant, which
                                                           may hold blanks

    - `aircraft`: 0 to 99 in the order of `variants.txt`, known of every photo. Families,
      manufacturers and boxes are not read.
    - A banner of 20 pixels below names the photographer; it stays in, as in the field.

    Args:
        root: Folder of the dataset, or the folder around it.
        image_size: Height and width of the network's input.
        taught: `trainval`, as papers that compare with EMTAL train, or `train`.
        options: What all datasets of files take, see `FileDataModule`.
    """

    offers = ("aircraft",)
    download: ClassVar[str] = "www.robots.ox.ac.uk/~vgg/data/fgvc-aircraft"
    layouts = (AircraftTree(),)

    def __init__(
        self,
        root: str | Path,
        image_size: tuple[int, int],
        taught: str = "trainval",
        **options: Any,
    ) -> None:
        super().__init__(root, image_size, **options)
        self.taught = one_of("taught", taught, TAUGHT)

    def official(self, split: str) -> int:
        return COUNTS[self._part(split)]

    def class_names(self) -> Sequence[str]:
        return self.lines(self.within("images", ARCHIVE) / "variants.txt")

    def listed(self, split: str) -> list[Photo]:
        tree = self.within("images", ARCHIVE)
        listed = tree / f"images_variant_{self._part(split)}.txt"
        ids = {name: id for id, name in enumerate(self.class_names())}
        rows = [
            (f"{photo}.jpg", ids.get(variant, f"`{variant}`"))
            for photo, variant in self.table(listed).items()
        ]
        return self.photos(listed, tree / "images", rows)

    def _part(self, split: str) -> str:
        held_out = "val" if self.taught == "train" else "test"
        return {"train": self.taught, "val": held_out, "test": "test"}[split]
