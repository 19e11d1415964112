"""The 17 classes of Taskonomy."""

from collections.abc import Mapping
from dataclasses import replace

from datamodules.label_spaces import LabelSpace
from datamodules.labels import Labels

_TASKONOMY = (
    *("background", "bottle", "chair", "couch", "potted plant", "bed", "dining table"),
    *("toilet", "tv", "microwave", "oven", "toaster", "sink", "refrigerator", "book"),
    *("clock", "vase"),
)
# Of NYUDv2's 40. What Taskonomy labels is one of 16 things or background; the four of NYUDv2 that
# are in none (box, otherstructure, otherfurniture, otherprop) may hold any of these things.
_TASKONOMY_MEMBERS: Mapping[str, tuple[str, ...]] = {
    "background": (
        *("wall", "floor", "cabinet", "door", "window", "bookshelf", "picture", "counter"),
        *("blinds", "desk", "shelves", "curtain", "dresser", "pillow", "mirror", "floor mat"),
        *("clothes", "ceiling", "paper", "towel", "shower curtain", "whiteboard", "person"),
        *("night stand", "lamp", "bathtub", "bag"),
    ),
    "couch": ("sofa",),
    "dining table": ("table",),
    "tv": ("television",),
    "book": ("books",),
}

TASKONOMY_17 = LabelSpace(
    "taskonomy_17", replace(Labels.spread(_TASKONOMY), members=_TASKONOMY_MEMBERS)
)
"""Taskonomy's classes without "uncertain"."""
