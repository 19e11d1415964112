"""The 17 classes of Taskonomy."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from datamodules.labels import IGNORE, Labels, LabelSpace

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

TRAIN_IDS = np.array([IGNORE, *range(len(_TASKONOMY))], np.uint8)
"""Of each code in the files: 0 is "uncertain"."""
