"""Views of single things as a dataset of classified images."""

from collections.abc import Mapping, Sequence
from itertools import islice, product
from typing import ClassVar

from datamodules.rendering import COLOURS, MATERIALS, SHAPES, ObjectKind, ObjectView, object_view
from datamodules.writing.layout import Encode, Layout, Place
from datamodules.writing.views import Views

ANY = (None,)
"""Of what a class leaves open."""


class ObjectLayout(Layout):
    """The folders, names and lists of a dataset whose classes are kinds of things.

    A class is a shape, material or colour, or some of them together; what it leaves open is drawn
    anew for each image. The images of a split have the classes in turn. Light and air are drawn as
    well, whatever the look.
    """

    scenery = "object"
    size = (375, 500)
    alone = False
    ids: ClassVar[Mapping[str, int]] = {}
    folder: ClassVar[str]
    """The folder of the images, below the root."""
    kinds: ClassVar[Sequence[ObjectKind]]
    """What is to be seen in the images of each class."""

    def kinds_at(self, place: Place) -> Sequence[ObjectKind]:
        """The kinds of things of the set that an image is of."""
        return self.kinds

    def label(self, place: Place) -> int:
        """The class of an image, from 0 on."""
        return place.index % len(self.kinds_at(place))

    def view(self, views: Views, place: Place) -> ObjectView:
        kind = self.kinds_at(place)[self.label(place)]
        return object_view(views.random(place.split, place.index), views.size, kind)

    def files(self, place: Place) -> Mapping[str, Encode]:
        return {f"{self.folder}/{place.name}.jpg": lambda view: view.image}


def kinds(
    count: int,
    shapes: Sequence[str | None] = SHAPES,
    materials: Sequence[str | None] = MATERIALS,
    colours: Sequence[str | None] = COLOURS,
) -> tuple[ObjectKind, ...]:
    """The first kinds of things that differ in any of these."""
    return tuple(islice(map(ObjectKind._make, product(shapes, materials, colours)), count))
