"""From the numbers in files to the units of samples."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Bool, Float, Float32, Integer, Shaped, UInt8

from datamodules.disk.images import UNPACK, unreadable
from datamodules.disk.spelling import read_text, spelled

Taken = TypeVar("Taken")

# Shorter normals mean "unknown": they are 0, or 0 rounded to one of the grey values 127 and 128.
SHORTEST_NORMAL = 0.5
LONGEST_NORMAL = 1.5


def read_npy(
    file: Path, dimensions: int, channels: int | None = None, remedy: str = UNPACK
) -> Shaped[np.ndarray, "..."]:
    """Read a numeric array of so many dimensions, the last of so many channels.

    Args:
        file: The array.
        dimensions: How many it should have.
        channels: Length of the last one; by default any.
        remedy: What to do if it is not so, for the error.

    Raises:
        FileNotFoundError: There is no such file.
        UnreadableFileError: It is empty, cut off, holds pickled objects or another shape.
    """
    file = spelled(file)
    if not file.is_file():
        raise FileNotFoundError(
            f"`{file}` should be there beside the image of the same name, found nothing."
            " Unpack the archive again, or leave the sample out with a skip list."
        )
    try:
        # Mapped, a header that promises more than the file holds is an error, not an allocation.
        mapped = np.load(file, mmap_mode="r", allow_pickle=False)
        array = np.array(mapped)
    except Exception as error:  # damaged headers end in nearly any exception
        raise unreadable(file, "be a whole `.npy` array of numbers", str(error), remedy) from error
    if array.dtype.kind not in "biuf":
        raise unreadable(file, "hold an array of numbers", f"the type {array.dtype}", remedy)
    if array.ndim != dimensions or (channels is not None and array.shape[-1] != channels):
        shape = "[height, width]" if channels is None else f"[height, width, {channels}]"
        raise unreadable(
            file, f"hold an array of shape {shape}", f"the shape {array.shape}", remedy
        )
    return array


def read_json(file: Path, what: str, expected: str, take: Callable[[Any], Taken]) -> Taken:
    """What is taken out of a JSON file that belongs to one image.

    Args:
        file: The file.
        what: What it is, for an error if it is not there.
        expected: What it should hold, for an error if it does not.
        take: Gets it out of the content.
    """
    try:
        return take(json.loads(read_text(file)))
    except FileNotFoundError:
        raise FileNotFoundError(
            f"`{file}` does not exist; expected {what}. {UNPACK}, or put the sample on a skip list."
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        found = f"{type(error).__name__}: {error}"
        raise unreadable(file, f"be JSON with {expected}", found) from None


def known_depth(
    metres: Float[np.ndarray, "*size"],
    limits: tuple[float, float],
    unknown: Bool[np.ndarray, "*size"] | bool = False,
) -> Float32[np.ndarray, "*size"]:
    """Depth, NaN where it is 0, outside the limits or unknown for another reason."""
    nearest, farthest = limits
    known = (metres > 0) & (metres >= nearest) & (metres <= farthest) & np.logical_not(unknown)
    return np.where(known, metres, np.float32(np.nan)).astype(np.float32, copy=False)


def metres(
    file: Path, stored: Shaped[np.ndarray, "height width"], limits: tuple[float, float]
) -> Float32[np.ndarray, "height width"]:
    """Depth in metres: NaN where nothing was measured (0) or outside the limits."""
    if stored.dtype.kind != "f":
        raise unreadable(file, "hold depth in metres as floats", f"the type {stored.dtype}")
    if np.isinf(stored).any():
        raise unreadable(file, "hold finite depth", f"{np.isinf(stored).sum()} infinite values")
    wrong = np.isnan(stored) | (stored < 0)
    if wrong.any():
        found = f"{wrong.sum()} values that are NaN or negative"
        raise unreadable(file, "hold depth in metres, 0 where unknown", found)
    return known_depth(stored.astype(np.float32), limits)


def shares(file: Path, stored: Shaped[np.ndarray, "..."], what: str) -> Float32[np.ndarray, "..."]:
    """Values that have to lie in [0, 1]."""
    values = stored.astype(np.float32)
    if not ((values >= 0) & (values <= 1)).all():
        found = f"values from {values.min():.3g} to {values.max():.3g}"
        raise unreadable(file, f"hold {what} in [0, 1]", found)
    return values


def decoded_normals(
    codes: UInt8[np.ndarray, "height width 3"],
) -> Float32[np.ndarray, "height width 3"]:
    """Vectors from 8 bits per component, whose middle is 0."""
    return codes * np.float32(2 / 255) - np.float32(1)


def unit_normals(
    file: Path,
    stored: Shaped[np.ndarray, "height width 3"],
    axes: tuple[int, int, int],
    remedy: str = UNPACK,
) -> Float32[np.ndarray, "height width 3"]:
    """Normals of length 1, x right, y down, z into the scene; NaN where they are unknown.

    Args:
        file: Where they come from, for errors.
        stored: Vectors of length 1, or 0 where unknown, in the dataset's axes.
        axes: 1 or -1 for each channel: what turns the dataset's axes into ours.
        remedy: What to do if they have another length, for the error.
    """
    normals = stored.astype(np.float32) * np.array(axes, np.float32)
    length = np.sqrt(np.einsum("...c,...c->...", normals, normals))
    if not (length <= LONGEST_NORMAL).all():
        raise unreadable(
            file, "hold normals of length 1, or 0 where unknown", f"{length.max():.3g}", remedy
        )
    known = length >= SHORTEST_NORMAL
    if np.count_nonzero(normals[..., 2][known] > 0) > known.sum() / 2:
        raise ValueError(
            f"`normals_axes` {axes} should turn the normals of visible surfaces towards the camera"
            f" (z below 0), found most of them turned away in `{file}`. Give this tree's own signs."
        )
    normals /= np.where(known, length, np.float32(1))[..., None]
    normals[~known] = np.nan
    return normals


def classes_of(
    file: Path,
    ids: Integer[np.ndarray, "height width"],
    table: UInt8[np.ndarray, " ids"],
    where: str = "",
) -> UInt8[np.ndarray, "height width"]:
    """Train ids of stored ids, 255 where unlabelled; an error says `where` in the file they are."""
    if ids.size and (ids.min() < 0 or ids.max() >= len(table)):
        found = f"values from {ids.min()} to {ids.max()}"
        raise unreadable(file, f"hold class ids from 0 to {len(table) - 1}{where}", found)
    return table[ids]
