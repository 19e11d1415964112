"""Views of things as CUB-200-2011: `CUB_200_2011`."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from datamodules.base import SPLITS
from datamodules.writing.layout import Place
from datamodules.writing.objects import ANY, ObjectLayout, kinds


class CUBTree(ObjectLayout):
    """The tree that the archive unpacks to; 25 shapes in 8 colours are the species.

    Two splits, as in the dataset. Boxes, parts and attributes are left out.
    """

    word = "cub"
    form = "archive"
    config = "fgvc"
    held_out = ("test",)
    folder = "CUB_200_2011/images"
    kinds: ClassVar = kinds(200, materials=ANY)

    def names(self, split: str, count: int) -> Sequence[str]:
        folders = self.folders()
        names = []
        for index in range(count):
            folder = folders[index % len(folders)]
            species = folder.partition(".")[2].title()
            names.append(f"{folder}/{species}_{index:04d}_{SPLITS.index(split)}")
        return names

    def folders(self) -> list[str]:
        """The folder of each species, such as `001.red_sphere`."""
        numbered = enumerate(self.kinds, 1)
        return [f"{number:03d}.{kind.name.replace(' ', '_')}" for number, kind in numbered]

    def shared(self, places: Sequence[Place], size: tuple[int, int]) -> Mapping[str, Any]:
        lists: dict[str, Sequence[Any]] = {
            "images": [f"{place.name}.jpg" for place in places],
            "image_class_labels": [self.label(place) + 1 for place in places],
            "train_test_split": [int(place.split == "train") for place in places],
            "classes": self.folders(),
        }
        return {
            f"CUB_200_2011/{name}.txt": "".join(
                f"{number} {value}\n" for number, value in enumerate(values, 1)
            )
            for name, values in lists.items()
        }
