"""Stanford Cars as a DataModule."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

from datamodules.classified import ClassifiedImages, Photo
from datamodules.disk.matlab import read_matlab
from datamodules.stanford_cars.layout import CarsDevkit, CarsWhole

ARCHIVE = "stanford_cars"
WHOLE, PHOTOS = "cars_annos.mat", "car_ims"
NAMES = "cars_meta.mat"
TRAIN, TEST = "cars_train_annos.mat", "cars_test_annos_withlabels.mat"
COUNTS = {"train": 8144, "val": 8041, "test": 8041}


class StanfordCars(ClassifiedImages):
    """Cars of 196 models, with maker and year: `cars`.

    - Source: Krause et al., "3D Object Representations for Fine-Grained Categorization", 3dRR
      2013. No licence is stated, and the page that had it is gone.
    - Splits: `train` 8144 and `test` 8041 photos; there is no third, so `val` is `test`, and
      whoever picks a checkpoint by it has no untouched test left.
    - Tree, in `root` or in `stanford_cars` below it, in one of two forms:

          cars_train/<5 digits>.jpg, cars_test/<5 digits>.jpg
          devkit/{cars_meta,cars_train_annos}.mat
          cars_test_annos_withlabels.mat          in `devkit`, or above it

          car_ims/<6 digits>.jpg                  the same photos under other numbers
          cars_annos.mat

      `cars_test_annos.mat`, which is in `devkit` too, knows no classes.
    - `cars`: 0 to 195 in the order of `class_names`, known of every photo. Boxes are not read.
    """

    offers = ("cars",)
    download: ClassVar[str] = (
        "copies of ai.stanford.edu/~jkrause/cars/car_dataset.html, such as Kaggle's"
    )
    layouts = (CarsDevkit(), CarsWhole())

    def official(self, split: str) -> int:
        return COUNTS[split]

    def class_names(self) -> Sequence[str]:
        file = self._file(WHOLE) or self._file(NAMES)
        if file is None:
            raise self.not_found(f"`{WHOLE}` with `{PHOTOS}`, or `devkit/{NAMES}`")
        return read_matlab(file, "`class_names`, a row of texts", _class_names)

    def listed(self, split: str) -> list[Photo]:
        part = "train" if split == "train" else "test"
        whole = self._file(WHOLE)
        listed = whole or self._file(TRAIN if part == "train" else TEST)
        if listed is None:
            raise self.not_found(f"`devkit/{TRAIN}` and `{TEST}`, or `{WHOLE}` with `{PHOTOS}`")
        of_split = None if whole is None else int(part == "test")
        folder = "" if whole else self._folder(f"cars_{part}")
        found = read_matlab(listed, "`annotations`, structs", lambda file: [*_rows(file, of_split)])
        return self.photos(listed, self._tree(), [(folder + path, id - 1) for path, id in found])

    def _tree(self) -> Path:
        within = self.root / ARCHIVE
        return within if within.is_dir() else self.root

    def _folder(self, name: str) -> str:
        """Where the photos of a part lie below the tree: some archives hold the folder twice."""
        return f"{name}/{name}/" if (self._tree() / name / name).is_dir() else f"{name}/"

    def _file(self, name: str) -> Path | None:
        # The list of the whole lies beside the two parts in some copies, which lack its photos.
        if name == WHOLE and not (self._tree() / PHOTOS).is_dir():
            return None
        places = (self._tree() / name, self._tree() / "devkit" / name)
        return next((place for place in places if place.is_file()), None)


def _class_names(content: Any) -> list[str]:
    return [str(name[0]) for name in content["class_names"].ravel()]


def _rows(content: Any, test: int | None) -> Iterator[tuple[str, int]]:
    """Path and class from 1 on of each photo; of one file for both splits those of one."""
    path = "fname" if test is None else "relative_im_path"
    for car in content["annotations"].ravel():
        if test is None or int(car["test"][0, 0]) == test:
            yield str(car[path][0]), int(car["class"][0, 0])
