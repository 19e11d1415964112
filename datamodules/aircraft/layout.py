"""Views of things as FGVC-Aircraft: `fgvc-aircraft-2013b`."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from datamodules.base import SPLITS
from datamodules.rendering import MATERIALS
from datamodules.writing.layout import Place
from datamodules.writing.objects import ANY, ObjectLayout, kinds

ROOT = "fgvc-aircraft-2013b/data"


class AircraftTree(ObjectLayout):
    """The tree that the archive unpacks to; 25 shapes of 4 materials are the variants.

    Families, manufacturers, boxes and the banner below the photos are left out.
    """

    word = "aircraft"
    form = "archive"
    config = "fgvc"
    folder = f"{ROOT}/images"
    kinds: ClassVar = kinds(100, materials=MATERIALS[:4], colours=ANY)

    def names(self, split: str, count: int) -> Sequence[str]:
        return [f"{SPLITS.index(split)}{index:06d}" for index in range(count)]

    def shared(self, places: Sequence[Place], size: tuple[int, int]) -> Mapping[str, Any]:
        rows = dict.fromkeys(SPLITS, "")
        for place in places:
            rows[place.split] += f"{place.name} {self.kinds[self.label(place)].name}\n"
        rows["trainval"] = rows["train"] + rows["val"]
        lists = {f"{ROOT}/images_variant_{name}.txt": text for name, text in rows.items()}
        return {f"{ROOT}/variants.txt": "".join(f"{kind.name}\n" for kind in self.kinds)} | lists
