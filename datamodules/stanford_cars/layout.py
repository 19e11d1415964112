"""Views of things as Stanford Cars, in both of its forms."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from datamodules.writing.files import structs
from datamodules.writing.layout import Place
from datamodules.writing.objects import ObjectLayout, kinds

BOX = ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2")


class CarsDevkit(ObjectLayout):
    """The form of torchvision and Kaggle; 196 of cars, houses, boxes, beds and stairs are models.

    They differ in material and colour, too. Two splits, as in the dataset; each box is the image.
    """

    word = "stanford_cars"
    form = "devkit"
    config = "fgvc"
    held_out = ("test",)
    folder = "stanford_cars"
    kinds: ClassVar = kinds(196, shapes=("car", "house", "box", "bed", "stairs"))

    def names(self, split: str, count: int) -> Sequence[str]:
        return [f"cars_{split}/{number:05d}" for number in range(1, count + 1)]

    def shared(self, places: Sequence[Place], size: tuple[int, int]) -> Mapping[str, Any]:
        rows: dict[str, list[tuple[Any, ...]]] = {"train": [], "test": []}
        for place in places:
            file = f"{place.name.partition('/')[2]}.jpg"
            rows[place.split].append((1, 1, *size[::-1], self.label(place) + 1, file))
        cars = {split: structs((*BOX, "class", "fname"), each) for split, each in rows.items()}
        return {
            f"{self.folder}/devkit/cars_meta.mat": {"class_names": self.class_names()},
            f"{self.folder}/devkit/cars_train_annos.mat": {"annotations": cars["train"]},
            f"{self.folder}/cars_test_annos_withlabels.mat": {"annotations": cars["test"]},
        }

    def class_names(self) -> np.ndarray:
        """A row of MATLAB's cells."""
        names = np.empty((1, len(self.kinds)), object)
        names[0] = [kind.name for kind in self.kinds]
        return names


class CarsWhole(CarsDevkit):
    """The form with one file for all photos, which are numbered through."""

    form = "whole"

    def places(self, train: int) -> list[Place]:
        placed = enumerate(super().places(train), 1)
        return [Place(each.split, each.index, f"car_ims/{number:06d}") for number, each in placed]

    def shared(self, places: Sequence[Place], size: tuple[int, int]) -> Mapping[str, Any]:
        rows = [
            (f"{place.name}.jpg", 1, 1, *size[::-1], self.label(place) + 1, place.split == "test")
            for place in places
        ]
        cars = structs(("relative_im_path", *BOX, "class", "test"), rows)
        content = {"annotations": cars, "class_names": self.class_names()}
        return {f"{self.folder}/cars_annos.mat": content}
