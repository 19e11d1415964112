"""The classes of PASCAL-Context's multi-task variant, parts of people, and ids in its files."""

from collections.abc import Mapping

import numpy as np

from datamodules.labels import Labels, voc_palette

# Train ids by place, which are the ids in files, too.
_CLASSES = (
    *("background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair"),
    *("cow", "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa"),
    *("train", "tvmonitor"),
)
PASCAL_21 = Labels(_CLASSES, voc_palette(0, len(_CLASSES)))
"""The classes of PASCAL VOC. Not the benchmark of 59 or 60 classes of the same photos."""
PERSON = PASCAL_21.names.index("person")

# Colours after Okabe and Ito, which people with any colour vision tell apart.
_PARTS: Mapping[str, tuple[int, int, int]] = {
    "none": (0, 0, 0),
    "head": (240, 228, 66),
    "torso": (213, 94, 0),
    "upper arm": (0, 158, 115),
    "lower arm": (86, 180, 233),
    "upper leg": (0, 114, 178),
    "lower leg": (204, 121, 167),
}
PARTS = Labels(tuple(_PARTS), tuple(_PARTS.values()))
"""`none` is all that is no part of an annotated person."""

_MEMBERS: Mapping[str, str] = {
    "head": "head hair lear rear lebrow rebrow leye reye mouth nose",
    "torso": "torso neck",
    "upper arm": "luarm ruarm",
    "lower arm": "llarm rlarm lhand rhand",
    "upper leg": "luleg ruleg",
    "lower leg": "llleg rlleg lfoot rfoot",
}
PART_IDS: Mapping[str, int] = {
    name: PARTS.names.index(part) for part, names in _MEMBERS.items() for name in names.split()
}
"""The id of each name of a part in the files, of people alone."""

HIGHEST_CONTEXT_ID = 459
# 169 names that PASCAL-Context shares with NYUDv2, where a network learned normals, and tvmonitor.
_WITH_NORMALS = (
    *(3, 4, 6, 9, 10, 11, 13, 15, 17, 18, 22, 23, 29, 30, 33, 34, 36, 37, 38, 39, 41, 43, 46, 49),
    *(50, 51, 53, 55, 56, 59, 61, 62, 65, 66, 68, 69, 72, 73, 78, 83, 84, 85, 87, 88, 95, 96, 101),
    *(104, 105, 107, 111, 113, 115, 122, 124, 135, 141, 142, 143, 146, 150, 154, 157, 158, 159),
    *(165, 172, 174, 181, 183, 184, 191, 193, 195, 197, 199, 202, 213, 215, 216, 219, 220, 223),
    *(225, 228, 230, 232, 233, 238, 239, 242, 243, 246, 250, 251, 252, 255, 260, 261, 263, 269),
    *(272, 273, 275, 281, 283, 284, 285, 286, 287, 288, 290, 291, 292, 293, 295, 304, 307, 309),
    *(310, 314, 315, 319, 323, 329, 330, 331, 336, 342, 345, 349, 350, 351, 352, 355, 357, 368),
    *(370, 371, 374, 379, 380, 383, 384, 397, 401, 403, 405, 407, 408, 411, 412, 413, 414, 417),
    *(419, 421, 423, 427, 429, 430, 432, 440, 441, 442, 443, 444, 446, 454, 457),
)
HAS_NORMALS = np.isin(np.arange(HIGHEST_CONTEXT_ID + 1), _WITH_NORMALS)
"""Whether the distilled normals of each id of PASCAL-Context can be believed."""
