"""Sets of classes that datasets are labelled in, and the maps from one to another, by name.

A network is trained in one space. It is evaluated on another dataset by reading that dataset's
labels in the same space (`ClassMap`), or in another space, to which its predictions are mapped by
the same names (`Labels.members`; for labels that were read already there is `between`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import UInt8

from datamodules.labels import IGNORE, Labels

# Ids in 8-bit files, and train ids.
ALL_IDS = 256


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

    @property
    def members(self) -> Mapping[str, tuple[str, ...]]:
        """The classes of finer spaces in each that has some."""
        return self.labels.members

    def home(self, name: str) -> str | None:
        """The class here that a class of another space falls into; none if there is none."""
        if name in self.labels.names:
            return name
        return next((wide for wide, members in self.members.items() if name in members), None)


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
        """Look-up table from a dataset's ids, given with the dataset's names, to train ids."""
        named = {id: self.classes[name] for id, name in ids.items() if name in self.classes}
        return table(named, self.space, size)


def table(
    ids: Mapping[int, str], space: LabelSpace, size: int = ALL_IDS
) -> UInt8[np.ndarray, " size"]:
    """Look-up table from ids to train ids, 255 for ids that are not given.

    Args:
        ids: Ids and the classes of `space` that they stand for.
        space: The space of the train ids.
        size: Length of the table: one more than the largest id that is looked up.
    """
    train_ids = np.full(size, IGNORE, np.uint8)
    for id, name in ids.items():
        train_ids[id] = space.labels.names.index(name)
    return train_ids


def between(
    source: LabelSpace,
    target: LabelSpace,
    exceptions: Mapping[str, str | None] | None = None,
) -> UInt8[np.ndarray, " ids"]:
    """Look-up table of 256 entries from one space's train ids to another's.

    Classes go to the class of the same name, or to the wider class that holds them; what has no
    place in `target`, and 255, becomes 255.

    Args:
        source: The space that labels or predictions are in.
        target: The space that they are wanted in.
        exceptions: Class names of `source` that go elsewhere than their name says, or nowhere.
    """
    homes = {name: target.home(name) for name in source.labels.names} | dict(exceptions or {})
    ids = {source.labels.names.index(name): home for name, home in homes.items() if home}
    return table(ids, target)


def by_name(
    space: LabelSpace, names: Mapping[str, str], exceptions: Mapping[str, str | None] | None = None
) -> ClassMap:
    """The map of a dataset's classes into a space.

    Args:
        space: The space.
        names: The dataset's names, and what the spaces here call the same things.
        exceptions: The dataset's names whose class in `space`, None if there is none, does not
            follow from that.
    """
    homes = {own: space.home(common) for own, common in names.items()} | dict(exceptions or {})
    return ClassMap(space, {own: home for own, home in homes.items() if home})


def _chosen(labels: Labels, names: Sequence[str]) -> Labels:
    colours = dict(zip(labels.names, labels.colours, strict=True))
    members = {name: labels.members[name] for name in names if name in labels.members}
    return Labels(tuple(names), tuple(colours[name] for name in names), members)


_CITYSCAPES: Mapping[str, tuple[int, int, int]] = {
    "road": (128, 64, 128),
    "sidewalk": (244, 35, 232),
    "building": (70, 70, 70),
    "wall": (102, 102, 156),
    "fence": (190, 153, 153),
    "pole": (153, 153, 153),
    "traffic light": (250, 170, 30),
    "traffic sign": (220, 220, 0),
    "vegetation": (107, 142, 35),
    "terrain": (152, 251, 152),
    "sky": (70, 130, 180),
    "person": (220, 20, 60),
    "rider": (255, 0, 0),
    "car": (0, 0, 142),
    "truck": (0, 0, 70),
    "bus": (0, 60, 100),
    "train": (0, 80, 100),
    "motorcycle": (0, 0, 230),
    "bicycle": (119, 11, 32),
}
# In the classes of Virtual KITTI 2 and of drawn streets.
_MEMBERS: Mapping[str, tuple[str, ...]] = {
    "traffic sign": ("sign",),
    "vegetation": ("tree",),
    "car": ("van",),
}
_NINETEEN = Labels(tuple(_CITYSCAPES), tuple(_CITYSCAPES.values()), _MEMBERS)
_SIXTEEN = tuple(name for name in _CITYSCAPES if name not in {"terrain", "truck", "train"})
_THIRTEEN = tuple(name for name in _SIXTEEN if name not in {"wall", "fence", "pole"})

CITYSCAPES_19 = LabelSpace("cityscapes_19", _NINETEEN)
"""The classes that Cityscapes is evaluated in."""
CITYSCAPES_16 = LabelSpace("cityscapes_16", _chosen(_NINETEEN, _SIXTEEN))
"""Those of them that the field evaluates from Synthia to Cityscapes."""
CITYSCAPES_13 = LabelSpace("cityscapes_13", _chosen(_NINETEEN, _THIRTEEN))
"""Likewise, without wall, fence and pole ("mIoU*"); the field trains in 16 all the same."""

_EIGHT = (
    *("road", "building", "pole", "traffic light", "traffic sign", "vegetation", "sky"),
    "vehicle",
)
_EIGHT_LABELS = Labels(_EIGHT, tuple(_CITYSCAPES.get(n, _CITYSCAPES["car"]) for n in _EIGHT))


def _eight(name: str, vehicle: tuple[str, ...]) -> LabelSpace:
    members = {wide: parts for wide, parts in _MEMBERS.items() if wide in _EIGHT}
    return LabelSpace(name, replace(_EIGHT_LABELS, members=members | {"vehicle": vehicle}))


VKITTI2_8 = _eight("vkitti2_8", ("car", "truck", "bus", "van"))
"""What Virtual KITTI 2 and Cityscapes share."""
VKITTI2_8_STRICT = _eight("vkitti2_8_strict", ("car", "bus", "van"))
"""As DenseMTL has it: trucks are vehicles in Virtual KITTI 2, and unknown in Cityscapes."""

# As Cityscapes groups its classes; each has the colour of the class that is named beside it.
_GROUPS: Mapping[str, str] = {
    "flat": "road",
    "construction": "building",
    "object": "pole",
    "nature": "vegetation",
    "sky": "sky",
    "human": "person",
    "vehicle": "car",
}


def _seven(name: str, **members: tuple[str, ...]) -> LabelSpace:
    parts = {
        wide: tuple(part for each in narrow for part in (each, *_MEMBERS.get(each, ())))
        for wide, narrow in members.items()
    }
    colours = tuple(_CITYSCAPES[each] for each in _GROUPS.values())
    return LabelSpace(name, Labels(tuple(_GROUPS), colours, parts))


CTRL_7 = _seven(
    "ctrl_7",
    flat=("road", "sidewalk"),
    construction=("building", "wall", "fence"),
    object=("pole", "traffic light", "traffic sign"),
    nature=("vegetation", "terrain"),
    human=("person", "rider"),
    vehicle=("car", "truck", "bus", "caravan", "trailer", "train", "motorcycle", "bicycle"),
)
"""Groups of classes as CTRL and DADA have them, from Synthia to Cityscapes."""
DENSEMTL_7 = _seven(
    "densemtl_7",
    flat=("road", "sidewalk"),
    construction=("building", "fence"),
    object=("pole", "traffic light", "traffic sign"),
    nature=("vegetation",),
    human=("person",),
    vehicle=("car", "bicycle"),
)
"""The same groups in DenseMTL: classes that CTRL leaves out of Synthia are in none of them."""

CITYSCAPES_IDS: Mapping[int, str] = dict(
    enumerate(
        (
            *("unlabeled", "ego vehicle", "rectification border", "out of roi", "static"),
            *("dynamic", "ground", "road", "sidewalk", "parking", "rail track", "building"),
            *("wall", "fence", "guard rail", "bridge", "tunnel", "pole", "polegroup"),
            *("traffic light", "traffic sign", "vegetation", "terrain", "sky", "person", "rider"),
            *("car", "truck", "bus", "caravan", "trailer", "train", "motorcycle", "bicycle"),
        )
    )
)
"""The ids 0 to 33 of `_labelIds.png`."""

SYNTHIA_IDS: Mapping[int, str] = dict(
    enumerate(
        (
            *("void", "sky", "building", "road", "sidewalk", "fence", "vegetation", "pole", "car"),
            *("traffic sign", "pedestrian", "bicycle", "motorcycle", "parking-slot", "road-work"),
            *("traffic light", "terrain", "rider", "truck", "bus", "train", "wall"),
            "lanemarking",
        )
    )
)
"""The ids 0 to 22 in the red channel of SYNTHIA-RAND-CITYSCAPES' labels."""

_SYNTHIA_NAMES = {name: name for name in SYNTHIA_IDS.values()} | {"pedestrian": "person"}
_VKITTI2_NAMES: Mapping[str, str] = {
    "Terrain": "terrain",
    "Sky": "sky",
    "Tree": "vegetation",
    "Vegetation": "vegetation",
    "Building": "building",
    "Road": "road",
    "GuardRail": "guard rail",
    "TrafficSign": "traffic sign",
    "TrafficLight": "traffic light",
    "Pole": "pole",
    "Truck": "truck",
    "Car": "car",
    "Van": "car",
}

_STREETS = (
    *(CITYSCAPES_19, CITYSCAPES_16, CITYSCAPES_13, VKITTI2_8, VKITTI2_8_STRICT),
    *(CTRL_7, DENSEMTL_7),
)
# CTRL reads lane markings as flat, and leaves these classes of Synthia unknown though it reads
# them in Cityscapes.
_SYNTHIA_IN_CTRL_7: Mapping[str, str | None] = {"lanemarking": "flat"} | dict.fromkeys(
    ("wall", "terrain", "rider", "truck", "bus", "train", "motorcycle")
)

CITYSCAPES_SPACES: Mapping[str, ClassMap] = {
    space.name: by_name(space, {name: name for name in CITYSCAPES_IDS.values()})
    for space in _STREETS
}
"""The spaces that Cityscapes can be read in, by name."""

SYNTHIA_SPACES: Mapping[str, ClassMap] = {
    space.name: by_name(space, _SYNTHIA_NAMES, _SYNTHIA_IN_CTRL_7 if space is CTRL_7 else None)
    for space in _STREETS
}
"""The spaces that Synthia can be read in, by name."""

VKITTI2_SPACES: Mapping[str, ClassMap] = {
    space.name: by_name(
        space, _VKITTI2_NAMES, {"Truck": "vehicle"} if space is VKITTI2_8_STRICT else None
    )
    for space in _STREETS
}
"""The spaces that Virtual KITTI 2 can be read in, by name."""


def find_space(spaces: Mapping[str, ClassMap], name: str) -> ClassMap:
    """One of a dataset's spaces by its name in the setting `label_space`."""
    if name not in spaces:
        raise ValueError(f"`label_space` should be one of {list(spaces)}, found {name!r}.")
    return spaces[name]
