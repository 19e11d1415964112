"""The classes of Virtual KITTI 2: their colours in its files, and the spaces to read them in."""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from jaxtyping import UInt8

from datamodules.cityscapes.classes import STREETS, VKITTI2_8_STRICT
from datamodules.labels import IGNORE, ClassMap, Labels, LabelSpace, class_maps

UNDEFINED = "Undefined"

# As in every scene's `colors.txt`, in the order of the ids that loaders commonly give them.
COLOURS: Mapping[str, tuple[int, int, int]] = {
    "Terrain": (210, 0, 200),
    "Sky": (90, 200, 255),
    "Tree": (0, 199, 0),
    "Vegetation": (90, 240, 0),
    "Building": (140, 140, 140),
    "Road": (100, 60, 100),
    "GuardRail": (250, 100, 255),
    "TrafficSign": (255, 255, 0),
    "TrafficLight": (200, 200, 0),
    "Pole": (255, 130, 0),
    "Misc": (80, 80, 80),
    "Truck": (160, 60, 60),
    "Car": (255, 127, 80),
    "Van": (0, 139, 139),
    UNDEFINED: (0, 0, 0),
}

# What the label spaces of other datasets call the same things, where they know them.
_SPELT_OTHERWISE: Mapping[str, str] = {
    "GuardRail": "guard rail",
    "TrafficSign": "traffic sign",
    "TrafficLight": "traffic light",
}
_OWN_NAMES: Mapping[str, str] = {
    name: _SPELT_OTHERWISE.get(name, name.lower()) for name in COLOURS if name != UNDEFINED
}

VKITTI2_14 = LabelSpace(
    "vkitti2_14",
    Labels(tuple(_OWN_NAMES.values()), tuple(COLOURS[name] for name in _OWN_NAMES)),
)
"""The dataset's own classes; what is undefined is unknown."""

VKITTI2_SPACES: Mapping[str, ClassMap] = class_maps(
    (*STREETS, VKITTI2_14), _OWN_NAMES, {VKITTI2_8_STRICT.name: {"Truck": "vehicle"}}
)
"""The spaces that the dataset can be read in, by name."""

UNKNOWN_COLOUR = IGNORE - 1
"""What `ids_of_colours` has for a colour of no class; no space has so many classes."""


def train_ids(space: ClassMap) -> tuple[int, ...]:
    """Train id of each class of `COLOURS`, in its order; 255 for those without one."""
    table = space.table(dict(enumerate(COLOURS)), len(COLOURS))
    return tuple(table.tolist())


@lru_cache(maxsize=1)
def ids_of_colours(train_ids: tuple[int, ...]) -> UInt8[np.ndarray, "16777216"]:
    """Train id by red, green and blue as one number, red lowest (16 MB: one look-up per pixel)."""
    table = np.full(1 << 24, UNKNOWN_COLOUR, np.uint8)
    for (red, green, blue), train_id in zip(COLOURS.values(), train_ids, strict=True):
        table[red | green << 8 | blue << 16] = train_id
    return table
