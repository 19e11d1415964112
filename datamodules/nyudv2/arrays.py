"""What the forms of NYUDv2 have in common: `.npy` files, and from stored values to the units."""

from pathlib import Path

import numpy as np
from jaxtyping import Float32, Integer, Shaped, UInt8

from datamodules.images import UnreadableFileError, read_rgb
from datamodules.labels import IGNORE
from datamodules.spelling import spelled

# Shorter normals mean "unknown": they are 0, or 0 rounded to one of the grey values 127 and 128.
SHORTEST_NORMAL = 0.5
LONGEST_NORMAL = 1.5
UNPACK = "Unpack or download it again"


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
        raise unreadable(file, "a whole `.npy` array of numbers", str(error), remedy) from error
    if array.dtype.kind not in "biuf":
        raise unreadable(file, "an array of numbers", f"the type {array.dtype}", remedy)
    if array.ndim != dimensions or (channels is not None and array.shape[-1] != channels):
        shape = "[height, width]" if channels is None else f"[height, width, {channels}]"
        raise unreadable(file, f"an array of shape {shape}", f"the shape {array.shape}", remedy)
    return array


def metres(
    file: Path, stored: Shaped[np.ndarray, "height width"], limits: tuple[float, float]
) -> Float32[np.ndarray, "height width"]:
    """Depth in metres: NaN where nothing was measured (0) or outside the limits."""
    if stored.dtype.kind != "f":
        raise unreadable(file, "depth in metres as floats", f"the type {stored.dtype}")
    if np.isinf(stored).any():
        raise unreadable(file, "finite depth", f"{np.isinf(stored).sum()} infinite values")
    wrong = np.isnan(stored) | (stored < 0)
    if wrong.any():
        found = f"{wrong.sum()} values that are NaN or negative"
        raise unreadable(file, "depth in metres, 0 where unknown", found)
    depth = np.array(stored, np.float32)
    nearest, farthest = limits
    depth[~((depth > 0) & (depth >= nearest) & (depth <= farthest))] = np.nan
    return depth


def coded_normals(file: Path) -> Float32[np.ndarray, "height width 3"]:
    """Normals in the dataset's axes from 8-bit RGB, whose middle is 0."""
    return read_rgb(file) * np.float32(2 / 255) - np.float32(1)


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
            file, "normals of length 1, or 0 where unknown", f"{length.max():.3g}", remedy
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
    file: Path, ids: Integer[np.ndarray, "height width"], table: UInt8[np.ndarray, " ids"]
) -> UInt8[np.ndarray, "height width"]:
    """Train ids of stored ids, 255 where unlabelled."""
    if ids.size and (ids.min() < 0 or ids.max() >= len(table)):
        found = f"values from {ids.min()} to {ids.max()}"
        raise unreadable(file, f"class ids from 0 to {len(table) - 1}", found)
    return table[ids]


def shares(file: Path, stored: Shaped[np.ndarray, "..."], what: str) -> Float32[np.ndarray, "..."]:
    """Values that have to lie in [0, 1]."""
    values = stored.astype(np.float32)
    if not ((values >= 0) & (values <= 1)).all():
        found = f"values from {values.min():.3g} to {values.max():.3g}"
        raise unreadable(file, f"{what} in [0, 1]", found)
    return values


def shifted_ids(
    file: Path, stored: Shaped[np.ndarray, "height width"], classes: int
) -> UInt8[np.ndarray, "height width"]:
    """Train ids from ids that are stored as they are, as floats perhaps, and -1 where unknown."""
    if not (np.isin(stored, np.arange(-1, classes))).all():
        expected = f"whole class ids from -1 to {classes - 1}"
        raise unreadable(file, expected, f"values from {stored.min()} to {stored.max()}")
    return np.where(stored < 0, IGNORE, stored).astype(np.uint8)


def unreadable(file: Path, expected: str, found: str, remedy: str = UNPACK) -> UnreadableFileError:
    """The error for a file whose content is not what it has to be."""
    return UnreadableFileError(
        f"`{file}` should hold {expected}, found {found}."
        f" {remedy}, or put the sample on a skip list.",
        file,
    )
