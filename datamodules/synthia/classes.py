"""The classes of SYNTHIA, and the spaces to read them in."""

from collections.abc import Mapping

from datamodules.cityscapes.classes import CTRL_7, STREETS
from datamodules.labels import ClassMap, class_maps

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

_NAMES = {name: name for name in SYNTHIA_IDS.values()} | {"pedestrian": "person"}
# CTRL reads lane markings as flat, and leaves these classes of Synthia unknown though it reads
# them in Cityscapes.
_IN_CTRL_7: Mapping[str, str | None] = {"lanemarking": "flat"} | dict.fromkeys(
    ("wall", "terrain", "rider", "truck", "bus", "train", "motorcycle")
)


SYNTHIA_SPACES: Mapping[str, ClassMap] = class_maps(STREETS, _NAMES, {CTRL_7.name: _IN_CTRL_7})
"""The spaces that Synthia can be read in, by name."""
