"""The 40 and 13 classes of NYUDv2, and what its 894 raw names and other spaces make of them."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from datamodules.labels import ClassMap, Labels, LabelSpace, class_maps, voc_palette
from datamodules.taskonomy.classes import TASKONOMY_17

_RAW_TO_40 = Path(__file__).parent / "894_to_40.csv"

# In the order of the ids 1 to 40 of `classMapping40.mat`; its `refridgerator` is spelt as the
# other datasets spell it, since label spaces are joined by name.
_FORTY = (
    *("wall", "floor", "cabinet", "bed", "chair", "sofa", "table", "door", "window", "bookshelf"),
    *("picture", "counter", "blinds", "desk", "shelves", "curtain", "dresser", "pillow", "mirror"),
    *("floor mat", "clothes", "ceiling", "books", "refrigerator", "television", "paper", "towel"),
    *("shower curtain", "box", "whiteboard", "person", "night stand", "toilet", "sink", "lamp"),
    *("bathtub", "bag", "otherstructure", "otherfurniture", "otherprop"),
)

_FURNITURE = (
    *("cabinet", "bookshelf", "counter", "shelves", "dresser", "refrigerator", "night stand"),
    "otherfurniture",
)
_OBJECTS = (
    *("pillow", "mirror", "clothes", "paper", "towel", "shower curtain", "box", "whiteboard"),
    *("person", "toilet", "sink", "lamp", "bathtub", "bag", "otherstructure", "otherprop"),
)
# In the order of the ids 1 to 13 of `class13Mapping.mat`, with the classes of 40 in each. An older
# set of 13 classes (Couprie et al.) has another order, and is not this one.
_THIRTEEN: Mapping[str, tuple[str, ...]] = {
    "bed": ("bed",),
    "books": ("books",),
    "ceiling": ("ceiling",),
    "chair": ("chair",),
    "floor": ("floor", "floor mat"),
    "furniture": _FURNITURE,
    "objects": _OBJECTS,
    "picture": ("picture",),
    "sofa": ("sofa",),
    "table": ("table", "desk"),
    "tv": ("television",),
    "wall": ("wall", "door"),
    "window": ("window", "blinds", "curtain"),
}

NYU_40 = LabelSpace("nyu_40", Labels(_FORTY, voc_palette(1, len(_FORTY))))
"""The classes that the multi-task papers evaluate in."""
NYU_13 = LabelSpace("nyu_13", Labels(tuple(_THIRTEEN), voc_palette(1, len(_THIRTEEN)), _THIRTEEN))
"""Those of MTAN and of SceneNet."""

NYU_IDS: Mapping[int, str] = dict(enumerate(_FORTY, start=1))
"""The ids 1 to 40; 0 is unlabelled."""

NYU_SPACES: Mapping[str, ClassMap] = class_maps(
    (NYU_40, NYU_13, TASKONOMY_17), {name: name for name in _FORTY}
)
"""The spaces that NYUDv2 can be read in, by name."""


def train_ids(space: ClassMap) -> UInt8[np.ndarray, "41"]:
    """Train id of each id 0 to 40."""
    return space.table(NYU_IDS, len(NYU_IDS) + 1)


def train_ids_of_raw(space: ClassMap) -> UInt8[np.ndarray, "895"]:
    """Train id of each raw id 0 to 894."""
    return train_ids(space)[_ids_of_raw()]


@cache
def _ids_of_raw() -> UInt8[np.ndarray, "895"]:
    forty = np.loadtxt(_RAW_TO_40, np.uint8, delimiter=",", skiprows=1, usecols=1)
    return np.concatenate([np.zeros(1, np.uint8), forty])
