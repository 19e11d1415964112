"""Which pixels of a source a view sees, and their values: the nearest ones, or blended."""

from abc import ABC, abstractmethod

import cv2
import numpy as np

from datamodules.geometry.affine import Affine, Size

# Linear interpolation suits down to about half the size. Before it shrinks by more, pixels are
# averaged by area, as many at a time as leave no more than this share to be magnified again.
BLUR = 0.125


class Sampling(ABC):
    """Looks at maps of one size through an `Affine`; what lies beyond them is filled.

    Args:
        affine: From the maps to the view.
        source: Height and width of the maps.
    """

    def __init__(self, affine: Affine, source: Size) -> None:
        self.affine = affine
        self.source = source

    @property
    def exact(self) -> bool:
        """Whether every pixel of the view is one of the source, so that blending changes none."""
        return False

    @abstractmethod
    def nearest(self, values: np.ndarray, fill: float) -> np.ndarray:
        """Each pixel's value is that of the source's pixel in which its centre lies."""

    @abstractmethod
    def keep_inside(self, values: np.ndarray, fill: float) -> None:
        """Fill those pixels of a view, in place, whose centres lie beyond the source."""

    def blended(self, values: np.ndarray, fill: float, shrink: bool) -> np.ndarray:
        """Linear interpolation; with `shrink`, an average by area where the view is smaller."""
        matrix = self.affine.matrix
        if shrink:
            scales = np.linalg.norm(matrix[:, :2], axis=0)[::-1]
            height, width = (
                -(-old // _averaged(1 / scale))
                for old, scale in zip(self.source, scales, strict=True)
            )
            values = _by_area(values, (height, width))
            matrix = matrix * [self.source[1] / width, self.source[0] / height, 1]
        return self.interpolated(values, fill, matrix, cv2.INTER_LINEAR)

    def interpolated(
        self, values: np.ndarray, fill: float, matrix: np.ndarray, flags: int
    ) -> np.ndarray:
        """Values between pixels in OpenCV's way `flags`, by a matrix from `values` to the view."""
        # OpenCV counts from the centre of the first pixel.
        shift = matrix[:, 2] + matrix[:, :2] @ [0.5, 0.5] - 0.5
        view = cv2.warpAffine(
            values,
            np.column_stack([matrix[:, :2], shift]),
            self.affine.size[::-1],
            flags=flags,
            borderMode=cv2.BORDER_REPLICATE,
        )
        self.keep_inside(view, fill)
        return view


class Straight(Sampling):
    """A view without rotation: its rows are rows of the source, its columns columns."""

    def __init__(self, affine: Affine, source: Size) -> None:
        super().__init__(affine, source)
        self.x, self.y = affine.axes(source)
        (self.columns, self.from_columns), (self.rows, self.from_rows) = (
            axis.nearest() for axis in (self.x, self.y)
        )

    @property
    def exact(self) -> bool:
        return all(abs(axis.scale) == 1 and axis.matching() for axis in (self.x, self.y))

    def nearest(self, values: np.ndarray, fill: float) -> np.ndarray:
        # Whole rows are copied faster by indexing, single values by `take`.
        seen = values[self.from_rows].take(self.from_columns, axis=1)
        return self._placed(seen, self.rows, self.columns, fill)

    def keep_inside(self, values: np.ndarray, fill: float) -> None:
        values[: self.rows.start] = fill
        values[self.rows.stop :] = fill
        values[:, : self.columns.start] = fill
        values[:, self.columns.stop :] = fill

    def blended(self, values: np.ndarray, fill: float, shrink: bool) -> np.ndarray:
        across, down = self.x.matching(), self.y.matching()
        if across is None or down is None:
            return super().blended(values, fill, shrink)
        size = (down[1].stop - down[1].start, across[1].stop - across[1].start)
        view = resized(values[down[0], across[0]], size, shrink)
        for code, axis in enumerate((self.y, self.x)):
            if axis.scale < 0:
                view = cv2.flip(view, code)
        return self._placed(view, down[1], across[1], fill)

    def _placed(self, values: np.ndarray, rows: slice, columns: slice, fill: float) -> np.ndarray:
        if values.shape[:2] == self.affine.size:
            return np.ascontiguousarray(values)
        view = np.full(self.affine.size + values.shape[2:], fill, values.dtype)
        view[rows, columns] = values
        return view


class Turned(Sampling):
    """A view that rotates."""

    def __init__(self, affine: Affine, source: Size) -> None:
        super().__init__(affine, source)
        height, width = affine.size
        inverse = np.linalg.inv(affine.matrix[:, :2])
        # x and y of the source are sums of a part from the column and one from the row.
        columns = np.stack([np.arange(width) + 0.5 - affine.matrix[0, 2], np.zeros(width)])
        rows = np.stack([np.zeros(height), np.arange(height) + 0.5 - affine.matrix[1, 2]])
        across, down = (
            np.floor(along[None] + aside[:, None]).astype(np.int32)
            for along, aside in zip(
                (inverse @ columns).astype(np.float32),
                (inverse @ rows).astype(np.float32),
                strict=True,
            )
        )
        self.inside = self._inside(across, down)
        pixels = down * source[1] + across
        self.pixels = pixels if self.inside is None else np.where(self.inside, pixels, 0)

    def _inside(self, across: np.ndarray, down: np.ndarray) -> np.ndarray | None:
        """Which pixels see the source; none if all do, as the outermost four tell."""
        corners = np.ix_([0, -1], [0, -1])
        for part in (corners, slice(None)):
            x, y = across[part], down[part]
            inside = (x >= 0) & (x < self.source[1]) & (y >= 0) & (y < self.source[0])
            if inside.all():
                return None
        return inside

    def nearest(self, values: np.ndarray, fill: float) -> np.ndarray:
        view = values.reshape(-1, *values.shape[2:]).take(self.pixels, axis=0)
        self.keep_inside(view, fill)
        return view

    def keep_inside(self, values: np.ndarray, fill: float) -> None:
        if self.inside is not None:
            values[~self.inside] = fill


def sampling(affine: Affine, source: Size) -> Sampling:
    """How to look at maps of the size `source` through an affine map."""
    return Straight(affine, source) if affine.straight else Turned(affine, source)


def resized(values: np.ndarray, size: Size, shrink: bool) -> np.ndarray:
    """Stretch a map to `size`: linearly, with `shrink` after an average by area where it shrinks.

    Averages of whole pixels are several times faster than those of parts, hence the two steps.
    """
    if shrink:
        small = []
        for old, new in zip(values.shape[:2], size, strict=True):
            averaged = _averaged(old / new) if new else 1
            small.append(new if averaged > 1 and old % averaged else old // averaged)
        values = _by_area(values, (small[0], small[1]))
    if size != values.shape[:2]:
        values = cv2.resize(values, size[::-1], interpolation=cv2.INTER_LINEAR)
    return values


def _averaged(shrinking: float) -> int:
    """How many pixels to average into one before linear interpolation shrinks by the rest."""
    return max(1, int(shrinking * (1 + BLUR) + 1e-9))


def _by_area(values: np.ndarray, size: Size) -> np.ndarray:
    if size == values.shape[:2]:
        return values
    return cv2.resize(values, size[::-1], interpolation=cv2.INTER_AREA)
