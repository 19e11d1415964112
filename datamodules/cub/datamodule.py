"""CUB-200-2011 as a DataModule."""

from collections.abc import Sequence
from typing import ClassVar

from datamodules.classified import ClassifiedImages, Photo
from datamodules.cub.layout import CUBTree
from datamodules.disk.images import unreadable

ARCHIVE = "CUB_200_2011"
COUNTS = {"train": 5994, "val": 5794, "test": 5794}


class CUB(ClassifiedImages):
    """Birds of 200 species: `birds`.

    - Source: Wah et al., "The Caltech-UCSD Birds-200-2011 Dataset", 2011. For non-commercial
      research and education, as its page says.
    - Splits: `train` 5994 and `test` 5794 photos; there is no third, so `val` is `test`, and
      whoever picks a checkpoint by it has no untouched test left.
    - Tree, in `root` or in `CUB_200_2011` below it:

          images/<number>.<Species>/<photo>.jpg    about 500 x 375 pixels, some of them grey
          images.txt, image_class_labels.txt, train_test_split.txt
                                                   lines of a photo's number and its path, its class
                                                   from 1 on, and whether it is for training (1)
          classes.txt                              lines of a class's number and its folder

    - `birds`: 0 to 199 in the order of `classes.txt`, known of every photo. Boxes, parts and
      attributes are not read.
    - Evaluation: the field resizes the short side to 248 and sees the middle 224 x 224.
    """

    offers = ("birds",)
    download: ClassVar[str] = "www.vision.caltech.edu/datasets/cub_200_2011 (CUB_200_2011.tgz)"
    layouts = (CUBTree(),)

    def official(self, split: str) -> int:
        return COUNTS[split]

    def class_names(self) -> Sequence[str]:
        folders = self.table(self.within("images", ARCHIVE) / "classes.txt").values()
        return [folder.partition(".")[2].replace("_", " ") or folder for folder in folders]

    def listed(self, split: str) -> list[Photo]:
        tree = self.within("images", ARCHIVE)
        listed = tree / "images.txt"
        files, classes, taught = (
            self.table(tree / name)
            for name in ("images.txt", "image_class_labels.txt", "train_test_split.txt")
        )
        if not files.keys() == classes.keys() == taught.keys():
            found = f"{len(files)} photos, {len(classes)} classes and {len(taught)} splits"
            raise unreadable(listed, "list the photos of the two lists beside it", found)
        wanted = "1" if split == "train" else "0"
        rows = [
            (file, _from_zero(classes[number]))
            for number, file in files.items()
            if taught[number] == wanted
        ]
        return self.photos(tree / "image_class_labels.txt", tree / "images", rows)


def _from_zero(id: str) -> int | str:
    return int(id) - 1 if id.isdecimal() else id
