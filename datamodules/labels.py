"""What class ids mean: sets of classes, and the maps from one to another, by name.

A network is trained in one space. It is evaluated on another dataset by reading that dataset's
labels in the same space (`ClassMap`), or in another space, to which its predictions are mapped by
the same names (`Labels.members`).
"""

import colorsys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import UInt8

from datamodules.settings import one_of

IGNORE = 255
"""Class id of a pixel or an image whose class is unknown."""
ALL_IDS = 256
"""Ids in 8-bit files, and train ids."""


@dataclass(frozen=True)
class Labels:
    """Names and colours of the classes of one task, in the order of their train ids.

    Attributes:
        names: One name per class; class `i` is `names[i]`.
        colours: Red, green and blue of each class in 0..255, for pictures and legends.
        members: Of a class that is wider than its name, what finer sets of classes call its parts.
    """

    names: tuple[str, ...]
    colours: tuple[tuple[int, int, int], ...]
    members: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if len(self.names) != len(self.colours):
            raise ValueError(
                f"`colours` should have one colour per class: {len(self.names)} names,"
                f" {len(self.colours)} colours found."
            )
        if not 0 < len(self.names) <= IGNORE:
            raise ValueError(
                f"`names` should hold 1 to {IGNORE} classes ({IGNORE} means unknown),"
                f" found {len(self.names)}."
            )
        if unknown := self.members.keys() - set(self.names):
            raise ValueError(f"`members` should be of classes in `names`, found {sorted(unknown)}.")

    @classmethod
    def spread(cls, names: Sequence[str]) -> "Labels":
        """Labels in evenly spaced hues, for classes without colours of their own."""
        hues = (colorsys.hsv_to_rgb(i / len(names), 0.7, 0.9) for i in range(len(names)))
        colours = ((round(255 * r), round(255 * g), round(255 * b)) for r, g, b in hues)
        return cls(tuple(names), tuple(colours))

    def chosen(self, names: Sequence[str]) -> "Labels":
        """Some of the classes, with their colours and members."""
        colours = dict(zip(self.names, self.colours, strict=True))
        members = {name: self.members[name] for name in names if name in self.members}
        return Labels(tuple(names), tuple(colours[name] for name in names), members)


@dataclass(frozen=True)
class LabelSpace:
    """A set of classes under one name.

    Attributes:
        name: As settings and files spell it.
        labels: Names and colours of the classes, in the order of their train ids, and the classes
            of finer spaces in those that are wider than their names.
    """

    name: str
    labels: Labels

    def home(self, name: str) -> str | None:
        """The class here that a class of another space falls into; none if there is none."""
        if name in self.labels.names:
            return name
        wider = self.labels.members.items()
        return next((wide for wide, members in wider if name in members), None)


@dataclass(frozen=True)
class ClassMap:
    """Which class of a space each of a dataset's own classes falls into; the others are unknown.

    Attributes:
        space: The space.
        classes: From the dataset's names to the space's.
    """

    space: LabelSpace
    classes: Mapping[str, str]

    def table(self, ids: Mapping[int, str], size: int = ALL_IDS) -> UInt8[np.ndarray, " size"]:
        """Look-up table from a dataset's ids, given with the dataset's names, to train ids.

        Args:
            ids: The dataset's ids and names; ids that are not given become 255.
            size: Length of the table: one more than the largest id that is looked up.
        """
        train_ids = np.full(size, IGNORE, np.uint8)
        for id, name in ids.items():
            if name in self.classes:
                train_ids[id] = self.space.labels.names.index(self.classes[name])
        return train_ids


def class_maps(
    spaces: Sequence[LabelSpace],
    names: Mapping[str, str],
    exceptions: Mapping[str, Mapping[str, str | None]] | None = None,
) -> dict[str, ClassMap]:
    """The spaces that a dataset can be read in, by their names.

    Args:
        spaces: The spaces.
        names: The dataset's names, and what the spaces call the same things.
        exceptions: By space: the dataset's names whose class there, None if there is none, does
            not follow from that.
    """
    maps = {}
    for space in spaces:
        homes = {own: space.home(common) for own, common in names.items()}
        homes |= (exceptions or {}).get(space.name, {})
        maps[space.name] = ClassMap(space, {own: home for own, home in homes.items() if home})
    return maps


def find_space(spaces: Mapping[str, ClassMap], name: str) -> ClassMap:
    """One of a dataset's spaces by its name in the setting `label_space`."""
    return spaces[one_of("label_space", name, spaces)]


def voc_palette(first: int, count: int) -> tuple[tuple[int, int, int], ...]:
    """Colours of so many ids from the first on, in the palette that PASCAL VOC's tools use."""
    return tuple(
        (_spread_bits(number), _spread_bits(number >> 1), _spread_bits(number >> 2))
        for number in range(first, first + count)
    )


def _spread_bits(number: int) -> int:
    """Every third bit of a number from the lowest on, as the bits of a byte from the highest on."""
    return sum((number >> 3 * place & 1) << 7 - place for place in range(8))
