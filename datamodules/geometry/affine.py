"""The map from a source image to a view of it, and what it does to the camera."""

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from datamodules.geometry.axis import Axis

Size: TypeAlias = tuple[int, int]
"""Height and width in pixels."""

# How far from a right angle the camera's axes may come to stand, as a cosine: 0.06 degrees.
SHEAR = 1e-3


@dataclass(frozen=True, eq=False)
class Affine:
    """Where each point of a source lies in a view, and by how much the scene itself shrank.

    Positions are pixels with (0, 0) at the upper left corner of the upper left pixel, so that a
    resize is a pure scaling. A view is the exact image of a scene: that of the source, mirrored
    or turned about the optical axis, and `zoom` times smaller, taken by `camera_after`.

    Attributes:
        matrix: `[2, 3]`: a source's (x, y, 1) to the view's (x, y).
        size: Height and width of the view.
        zoom: Divides depth. Shrinking a whole scene changes neither its image nor its normals.
    """

    matrix: np.ndarray
    size: Size
    zoom: float = 1.0

    def __post_init__(self) -> None:
        matrix = np.asarray(self.matrix, np.float64)
        object.__setattr__(self, "matrix", matrix)
        if matrix.shape != (2, 3) or not np.isfinite(matrix).all():
            raise ValueError(f"`matrix` should be 2 x 3 finite numbers, found {self.matrix}.")
        if abs(np.linalg.det(matrix[:, :2])) < 1e-12:
            raise ValueError(f"`matrix` should be invertible, found {matrix.tolist()}.")
        checked_size("size", self.size)
        if not 0 < self.zoom < np.inf:
            raise ValueError(f"`zoom` should be positive and finite, found {self.zoom}.")

    @classmethod
    def identity(cls, size: Size) -> "Affine":
        """The view that is the source."""
        return cls(np.eye(2, 3), size)

    @property
    def straight(self) -> bool:
        """Whether rows stay rows and columns stay columns."""
        return bool(self.matrix[0, 1] == 0 and self.matrix[1, 0] == 0)

    def leaves(self, source: Size) -> bool:
        """Whether this view of an image of that size changes nothing."""
        same = self.size == source and self.zoom == 1
        return same and np.array_equal(self.matrix, np.eye(2, 3))

    def then(self, matrix: np.ndarray, size: Size | None = None, zoom: float = 1.0) -> "Affine":
        """Follow this map by a second one, `[2, 3]`, into a view of `size`."""
        second, first = (np.vstack([part, [0, 0, 1]]) for part in (matrix, self.matrix))
        return Affine((second @ first)[:2], size or self.size, self.zoom * zoom)

    def resized(self, size: Size, zoom: float = 1.0) -> "Affine":
        """Stretch the whole view to `size`."""
        height, width = (new / old for new, old in zip(size, self.size, strict=True))
        return self.then(np.array([[width, 0, 0], [0, height, 0]]), size, zoom)

    def cut(self, top: int, left: int, size: Size) -> "Affine":
        """Cut a window of `size` out of the view; what lies beyond the view is padding."""
        return self.then(np.array([[1, 0, -left], [0, 1, -top]]), size)

    def mirrored(self) -> "Affine":
        """Mirror the view left to right."""
        return self.then(np.array([[-1, 0, self.size[1]], [0, 1, 0]]))

    def turned(self, degrees: float, camera: np.ndarray) -> "Affine":
        """Roll the view by an angle, clockwise as one looks at it.

        It turns about the principal point of the source's `camera`; about any other point the
        scene would roll alike, and the view merely be shifted. With unequal focal lengths pixels
        are no squares, and what the camera sees when it rolls is no rotation of the pixels.
        """
        focal_x, focal_y, *centre = self.camera_after(camera).tolist()
        angle = np.radians(degrees)
        cosine, sine = np.cos(angle), np.sin(angle)
        turn = np.array([[cosine, -sine * focal_x / focal_y], [sine * focal_y / focal_x, cosine]])
        return self.then(np.column_stack([turn, np.array(centre) - turn @ centre]))

    def snapped(self, source: Size) -> "Affine":
        """The nearest view that cuts no pixel of the source in two, if it lies inside."""
        if not self.straight:
            return self
        x, y = (axis.snapped() for axis in self.axes(source))
        return replace(self, matrix=np.array([[x.scale, 0, x.shift], [0, y.scale, y.shift]]))

    def axes(self, source: Size) -> tuple[Axis, Axis]:
        """Columns and rows of a straight map."""
        (across, _, left), (_, down, top) = self.matrix.tolist()
        x = Axis(across, left, source[1], self.size[1])
        return x, Axis(down, top, source[0], self.size[0])

    def sources(self, points: np.ndarray) -> np.ndarray:
        """Where `[count, 2]` points (x, y) of the view come from."""
        return np.linalg.solve(self.matrix[:, :2], (points - self.matrix[:, 2]).T).T

    def window(self, source: Size) -> tuple[slice, slice]:
        """Rows and columns of the source that the view needs, with one pixel more all around."""
        height, width = self.size
        corners = self.sources(np.array([[0, 0], [width, 0], [0, height], [width, height]]))
        low, high = np.floor(corners.min(0)) - 1, np.ceil(corners.max(0)) + 1
        columns, rows = (
            slice(int(np.clip(first, 0, count)), int(np.clip(last, 0, count)))
            for first, last, count in zip(low, high, source[::-1], strict=True)
        )
        return rows, columns

    def within(self, window: tuple[slice, slice]) -> "Affine":
        """The same view, of the source's `window` alone."""
        rows, columns = window
        shift = self.matrix[:, :2] @ [columns.start, rows.start]
        matrix = np.column_stack([self.matrix[:, :2], self.matrix[:, 2] + shift])
        return replace(self, matrix=matrix)

    def camera_after(self, camera: np.ndarray) -> np.ndarray:
        """(fx, fy, cx, cy) of the view; the principal point moves as every point does."""
        focal = np.linalg.norm(self.matrix[:, :2] * camera[:2], axis=1)
        centre = self.matrix[:, :2] @ camera[2:] + self.matrix[:, 2]
        return np.concatenate([focal, centre]).astype(camera.dtype)

    def turn(self, camera: np.ndarray) -> np.ndarray:
        """How the scene's x and y axes turn, `[2, 2]`: a rotation, mirrored or not."""
        stretched = self.matrix[:, :2] * camera[:2].astype(np.float64)
        turn = stretched / np.linalg.norm(stretched, axis=1, keepdims=True)
        if abs(turn[0] @ turn[1]) > SHEAR:
            raise ValueError(
                f"`matrix` should turn a camera with the focal lengths {camera[:2].tolist()}"
                f" without shearing it, found {self.matrix.tolist()}."
                " Roll it by `turned`, which heeds the focal lengths."
            )
        return turn


def assumed_camera(size: Size) -> np.ndarray:
    """A camera for images without one: square pixels, and the optical axis in the middle."""
    return np.array([1, 1, size[1] / 2, size[0] / 2], np.float32)


def checked_size(argument: str, size: Size) -> Size:
    """Give height and width back if they are."""
    if len(size) != 2 or min(size) < 1 or any(int(side) != side for side in size):
        raise ValueError(
            f"`{argument}` should be a height and a width of at least 1 pixel, found {size}."
        )
    return int(size[0]), int(size[1])
