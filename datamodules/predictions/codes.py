"""Predictions as the integers of the datasets' files.

Unlike labels, predictions know every pixel: what a file cannot hold becomes the nearest code that
it can hold. Only NaN, which a network that diverged may give, becomes "unknown".
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer, UInt8, UInt16

from datamodules.labels import ClassMap

NO_NORMAL = 128
"""All three codes of a pixel without normal, as in Taskonomy."""


@dataclass(frozen=True, eq=False)
class Classes:
    """Train ids as the ids, or the colours, of a dataset's files.

    Attributes:
        codes: Of each train id: `[classes]`, or `[classes, 3]` for red, green and blue.
    """

    codes: np.ndarray

    def __call__(self, ids: Integer[np.ndarray, "height width"]) -> np.ndarray:
        return self.codes[ids]


@dataclass(frozen=True)
class Metres:
    """Depth in fractions of a metre, 16 bits.

    Attributes:
        per_metre: Codes in a metre.
        nearest: Smallest code that means a depth.
        farthest: Largest code that means a depth.
        unknown: Code of NaN.
    """

    per_metre: int | float
    nearest: int = 1
    farthest: int = 65535
    unknown: int = 0

    def __call__(
        self, depth: Float[np.ndarray, "height width"]
    ) -> UInt16[np.ndarray, "height width"]:
        codes = np.rint(depth.astype(np.float64) * self.per_metre)
        known = codes.clip(self.nearest, self.farthest)
        return np.nan_to_num(known, nan=self.unknown).astype(np.uint16)


@dataclass(frozen=True)
class Normals:
    """Unit normals, each component from [-1, 1] to 0..255.

    Attributes:
        axes: Signs that turn x right, y down, z into the scene into the axes of the files.
    """

    axes: tuple[int, int, int] = (1, 1, 1)

    def __call__(
        self, normals: Float[np.ndarray, "height width 3"]
    ) -> UInt8[np.ndarray, "height width 3"]:
        turned = normals.astype(np.float64) * self.axes
        codes = np.rint((turned + 1) * 127.5).clip(0, 255)
        return np.nan_to_num(codes, nan=NO_NORMAL).astype(np.uint8)


@dataclass(frozen=True)
class Shares:
    """Values in [0, 1] as 0 to the largest code, 8 or 16 bits.

    Attributes:
        highest: The code of 1; up to 255 in 8 bits.
    """

    highest: int = 65535

    def __call__(self, shares: Float[np.ndarray, "height width"]) -> np.ndarray:
        codes = np.rint(np.nan_to_num(shares, nan=0).astype(np.float64).clip(0, 1) * self.highest)
        return codes.astype(np.uint8 if self.highest < 256 else np.uint16)


def ids_of(
    classes: ClassMap, ids: Mapping[int, str], unknown: int
) -> Integer[np.ndarray, " classes"]:
    """A dataset's own id of each train id of a label space.

    A class of the space may hold several of the dataset's. It is written as the one of its own
    name, else as the first of its members that the dataset has, else as the first id.

    Args:
        classes: Which of the dataset's classes fall into which of the space's.
        ids: The dataset's ids and names.
        unknown: Its id for what none of its classes fall into.
    """
    chosen = []
    for name in classes.space.labels.names:
        homes = {own.lower(): id for id, own in ids.items() if classes.classes.get(own) == name}
        wanted = [name, *classes.space.labels.members.get(name, ()), *homes]
        chosen.append(next((homes[own] for own in wanted if own in homes), unknown))
    return np.array(chosen, np.uint8)
