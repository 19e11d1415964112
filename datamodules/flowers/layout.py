"""Views of things as Oxford Flowers: `flowers-102`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from datamodules.writing.layout import Place
from datamodules.writing.objects import ObjectLayout, kinds

SETS = {"train": "trnid", "val": "valid", "test": "tstid"}


class FlowersTree(ObjectLayout):
    """The tree that torchvision unpacks; 102 kinds of vases, trees and mushrooms are the flowers.

    They differ in material and colour, too. Photos are numbered through all splits.
    """

    word = "flowers"
    form = "torchvision"
    config = "fgvc"
    folder = "flowers-102/jpg"
    kinds: ClassVar = kinds(102, shapes=("vase", "tree", "mushroom"))

    def names(self, split: str, count: int) -> Sequence[str]:
        return [f"image_{number:05d}" for number in range(1, count + 1)]

    def places(self, train: int) -> list[Place]:
        placed = super().places(train)
        names = self.names("train", len(placed))
        return [replace(each, name=name) for each, name in zip(placed, names, strict=True)]

    def shared(self, places: Sequence[Place], size: tuple[int, int]) -> Mapping[str, Any]:
        labels = np.array([[self.label(place) + 1 for place in places]], np.uint8)
        numbered = list(enumerate(places, 1))
        sets = {
            name: np.array(
                [[number for number, place in numbered if place.split == split]], np.uint16
            )
            for split, name in SETS.items()
        }
        return {"flowers-102/imagelabels.mat": {"labels": labels}, "flowers-102/setid.mat": sets}
