"""The MATLAB files of PASCAL-Context: a map of regions, and the parts of what is to be seen."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, UInt8, UInt16

from datamodules.disk.images import unreadable
from datamodules.disk.matlab import read_matlab
from datamodules.labels import IGNORE
from datamodules.pascal_context.classes import HIGHEST_CONTEXT_ID, PART_IDS, PERSON


class Part(NamedTuple):
    """One part of one person."""

    name: str
    mask: Bool[np.ndarray, "height width"]


def read_regions(file: Path) -> UInt16[np.ndarray, "height width"]:
    """Read `LabelMap`, the ids 1 to 459 of all that PASCAL-Context names."""
    regions = read_matlab(file, "`LabelMap`, a map of ids", lambda content: content["LabelMap"])
    if regions.ndim != 2 or regions.dtype.kind not in "iu":
        found = f"{regions.dtype} of the shape {regions.shape}"
        raise unreadable(file, "hold `LabelMap`, integers of the shape [height, width]", found)
    if regions.size and not 0 <= regions.min() <= regions.max() <= HIGHEST_CONTEXT_ID:
        found = f"values from {regions.min()} to {regions.max()}"
        raise unreadable(file, f"hold ids up to {HIGHEST_CONTEXT_ID}", found)
    return regions.astype(np.uint16)


def read_parts(file: Path, size: tuple[int, int]) -> UInt8[np.ndarray, "height width"]:
    """Paint the parts of people in the order of the file, later ones over earlier ones.

    All is 255, unknown, where no person has parts: the file says nothing of people then.

    Args:
        file: The annotation.
        size: Height and width of its image.
    """
    parts = read_matlab(
        file, "`anno`, objects with parts", lambda content: [*_parts(content["anno"])]
    )
    if not parts:
        return np.full(size, IGNORE, np.uint8)
    painted = np.zeros(size, np.uint8)
    for part in parts:
        if part.name not in PART_IDS:
            expected = f"call the parts of people {', '.join(PART_IDS)}"
            raise unreadable(file, expected, f"`{part.name}`")
        if part.mask.shape != size:
            expected = f"hold masks of the image's {size[0]} x {size[1]} pixels"
            raise unreadable(file, expected, f"the shape {part.mask.shape}")
        painted[part.mask] = PART_IDS[part.name]
    return painted


def _parts(annotation: Any) -> Iterator[Part]:
    """The parts of all people, of structs as MATLAB has them: arrays even where there is one."""
    for thing in annotation[0, 0]["objects"].flat:
        if int(thing["class_ind"][0, 0]) == PERSON:
            for part in thing["parts"].flat:  # without parts it is a matrix of 0 x 0
                yield Part(str(part["part_name"][0]), part["mask"] != 0)
