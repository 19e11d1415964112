"""The classes of Cityscapes, and the spaces of classes that street scenes are read in."""

from collections.abc import Mapping
from dataclasses import replace

from datamodules.labels import ClassMap, Labels, LabelSpace, class_maps

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
CITYSCAPES_16 = LabelSpace("cityscapes_16", _NINETEEN.chosen(_SIXTEEN))
"""Those of them that the field evaluates from Synthia to Cityscapes."""
CITYSCAPES_13 = LabelSpace("cityscapes_13", _NINETEEN.chosen(_THIRTEEN))
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

STREETS = (
    *(CITYSCAPES_19, CITYSCAPES_16, CITYSCAPES_13, VKITTI2_8, VKITTI2_8_STRICT),
    *(CTRL_7, DENSEMTL_7),
)
"""The spaces that every dataset of streets can be read in."""

CITYSCAPES_SPACES: Mapping[str, ClassMap] = class_maps(
    STREETS, {name: name for name in CITYSCAPES_IDS.values()}
)
"""The spaces that Cityscapes can be read in, by name."""
