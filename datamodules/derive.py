"""Labels that a dataset does not ship, derived from those it does."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float32

from datamodules.edges import REACH, TASKONOMY_SIGMA, TASKONOMY_WIDTH, sobel_edges
from datamodules.transforms import Sample, Transform

SECOND_DIFFERENCE = np.array([[1, -2, 1]], np.float32)


@dataclass(frozen=True)
class Derivation:
    """How a task's label is made from the rest of a sample.

    Attributes:
        needs: Tasks that the reader has to be asked for.
        make: Computes the label from a sample, at the resolution that it has.
    """

    needs: tuple[str, ...]
    make: Callable[[Sample], np.ndarray]


class Reserve(Transform):
    """Holds the place of derived edges before the geometry, which makes padding NaN there.

    Args:
        tasks: Tasks to be derived.
    """

    def __init__(self, tasks: Sequence[str]) -> None:
        self.tasks = tuple(tasks)

    def __call__(self, sample: Sample, random: np.random.Generator) -> Sample:
        if "edges" not in self.tasks:
            return sample
        return sample | {"edges": np.zeros(sample["image"].shape[:2], np.float32)}


class Derive(Transform):
    """Adds the labels that are derived, and drops what was read for their sake alone.

    Args:
        derivations: The tasks to derive.
        tasks: All tasks of the finished sample.
    """

    def __init__(self, derivations: Mapping[str, Derivation], tasks: Sequence[str]) -> None:
        self.derivations = dict(derivations)
        self.tasks = tuple(tasks)
        self.dropped = {
            task for derivation in derivations.values() for task in derivation.needs
        } - set(tasks)

    def __call__(self, sample: Sample, random: np.random.Generator) -> Sample:
        made = {task: derivation.make(sample) for task, derivation in self.derivations.items()}
        kept = {key: value for key, value in sample.items() if key not in self.dropped}
        return kept | made


def normals_from_depth(
    depth: Float32[np.ndarray, "height width"],
    camera: Float32[np.ndarray, "4"],
    radius: int = 1,
    gap: float = 0.02,
) -> Float32[np.ndarray, "height width 3"]:
    r"""Unit normals of the surface that a depth map shows, turned to the camera.

    On the plane $n \cdot P = d$ the inverse depth $i = n \cdot r / d$ is linear in the pixel,
    for $P = z\,r$ and the ray $r = ((u - c_x) / f_x, (v - c_y) / f_y, 1)$. Its gradient, fitted by
    least squares in a square window, therefore gives the normal of any plane exactly:
    $n \propto -(f_x i_u, f_y i_v, i - (u - c_x) i_u - (v - c_y) i_v)$. This form always
    faces the camera, as $n \cdot r \propto -i$.

    NaN where the window leaves the image, holds an unknown depth, or reaches over a depth gap:
    neighbours whose inverse depths bend by more than the share `gap`, which no plane does.

    Args:
        depth: Metres along the optical axis, NaN where unknown.
        camera: fx, fy, cx, cy in pixels of this very map, (0, 0) at its upper left corner.
        radius: Of the window, in pixels: 1 is 3 x 3.
        gap: Smallest relative second difference of the inverse depth that counts as a gap.
    """
    height, width = depth.shape
    inverse = 1 / depth
    along_u, along_v, level = _fitted_plane(inverse, radius)
    focal_x, focal_y, centre_x, centre_y = camera
    columns = np.arange(width, dtype=np.float32) + np.float32(0.5) - centre_x
    rows = np.arange(height, dtype=np.float32) + np.float32(0.5) - centre_y
    forward = columns * along_u + rows[:, None] * along_v - level
    normals = np.dstack((-focal_x * along_u, -focal_y * along_v, forward))
    normals /= np.sqrt(np.einsum("...c,...c->...", normals, normals))[..., None]
    normals[_reaches_gap(inverse, radius, gap) | _frame(height, width, radius)] = np.nan
    return normals


def _fitted_plane(
    values: Float32[np.ndarray, "height width"], radius: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Slope along columns, slope along rows and level of the least-squares plane in each window."""
    offsets = np.arange(-radius, radius + 1, dtype=np.float32)
    slope = offsets / (offsets @ offsets)
    mean = np.full_like(offsets, 1 / len(offsets))
    return (
        cv2.sepFilter2D(values, cv2.CV_32F, slope, mean),
        cv2.sepFilter2D(values, cv2.CV_32F, mean, slope),
        cv2.sepFilter2D(values, cv2.CV_32F, mean, mean),
    )


def _reaches_gap(
    inverse: Float32[np.ndarray, "height width"], radius: int, gap: float
) -> Bool[np.ndarray, "height width"]:
    """Where a window of so many pixels to each side holds a bend between neighbours."""
    reaches = np.zeros(inverse.shape, np.bool_)
    for kernel in (SECOND_DIFFERENCE, SECOND_DIFFERENCE.T):
        bend = cv2.filter2D(inverse, cv2.CV_32F, kernel, borderType=cv2.BORDER_REPLICATE)
        gaps = (np.abs(bend) > gap * inverse).astype(np.uint8)
        # Both pixels beside a gap bend; a window that holds the nearer one alone is sound.
        across, along = 2 * radius - 1, 2 * radius + 1
        window = (across, along) if kernel.shape[0] == 1 else (along, across)
        reaches |= cv2.dilate(gaps, np.ones(window[::-1], np.uint8)).astype(np.bool_)
    return reaches


def _frame(height: int, width: int, radius: int) -> Bool[np.ndarray, "height width"]:
    frame = np.ones((height, width), np.bool_)
    frame[radius : height - radius, radius : width - radius] = False
    return frame


def _normals(sample: Sample) -> np.ndarray:
    if "camera" not in sample:
        raise ValueError(
            f"Sample `{sample['name']}` has no `camera`, which normals from depth need."
            " Leave `normals` out of `tasks`."
        )
    return normals_from_depth(sample["depth"], sample["camera"])


def _edges(sample: Sample) -> np.ndarray:
    """Sobel edges, unknown where the filter reaches padding, which `Reserve` made visible."""
    edges = sobel_edges(sample["image"])
    padding = np.isnan(sample["edges"])
    if padding.any():
        # The Gaussian's radius in pixels, and one more for the Sobel filter.
        reach = int(REACH * TASKONOMY_SIGMA * edges.shape[1] / TASKONOMY_WIDTH + 0.5) + 1
        side = 2 * reach + 1
        # On its own border the image ends; OpenCV's dilation takes nothing from beyond it.
        near = cv2.dilate(padding.astype(np.uint8), np.ones((side, side), np.uint8))
        edges[near.astype(np.bool_)] = np.nan
    return edges


NORMALS_FROM_DEPTH = Derivation(("depth",), _normals)
SOBEL_EDGES = Derivation((), _edges)
NORMALS_AND_EDGES: Mapping[str, Derivation] = {"normals": NORMALS_FROM_DEPTH, "edges": SOBEL_EDGES}
"""Of a dataset that ships neither."""
