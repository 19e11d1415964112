"""Views of things as VTAB-1k's specialised sets."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from datamodules.rendering import COLOURS, SHAPES, ObjectKind
from datamodules.writing.layout import Place
from datamodules.writing.objects import ANY, ObjectLayout, kinds

KINDS: Mapping[str, Sequence[ObjectKind]] = {
    "patch_camelyon": kinds(2, shapes=ANY, materials=("matte", "bricks"), colours=ANY),
    "eurosat": kinds(10, shapes=SHAPES[-10:], materials=ANY, colours=ANY),
    "resisc45": kinds(45, shapes=ANY),
    "diabetic_retinopathy": kinds(5, shapes=("sphere",), materials=ANY, colours=COLOURS[:5]),
}
"""Two materials, ten shapes, 45 materials and colours, five colours of one shape."""


class VTABTree(ObjectLayout):
    """All four sets, each with its lists, in images of one size.

    `train800val200` holds the images of the two lists before it again, as in the dataset.
    """

    word = "vtab1k"
    form = "specialised"
    config = "vtab_specialised"
    folder = "."
    size = (96, 96)
    kinds: ClassVar[Sequence[ObjectKind]] = ()

    def kinds_at(self, place: Place) -> Sequence[ObjectKind]:
        return KINDS[place.name.partition("/")[0]]

    def names(self, split: str, count: int) -> Sequence[str]:
        return [f"{split}/{index:06d}" for index in range(count)]

    def places(self, train: int) -> list[Place]:
        counts = self.counts(train)
        lists = {"train800": counts["train"], "val200": counts["val"], "test": counts["test"]}
        seen = {name: [(name, index) for index in range(count)] for name, count in lists.items()}
        seen["train800val200"] = [*seen["train800"], *seen["val200"]]
        return [
            Place(f"{set}/{split}", index, f"{set}/images/{name}")
            for set in KINDS
            for listed, views in seen.items()
            for name, (split, index) in zip(self.names(listed, len(views)), views, strict=True)
        ]

    def files(self, place: Place) -> Mapping[str, Any]:
        return {f"{place.name}.jpg": lambda view: view.image}

    def shared(self, places: Sequence[Place], size: tuple[int, int]) -> Mapping[str, Any]:
        lists: dict[str, str] = {}
        for place in places:
            set, _, path = place.name.partition("/")
            file = f"{set}/{path.split('/')[1]}.txt"
            lists[file] = lists.get(file, "") + f"{path}.jpg {self.label(place)}\n"
        return lists
