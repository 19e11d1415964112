"""One axis of a map that does not rotate."""

from typing import NamedTuple

import numpy as np

# Positions this close to a pixel's edge lie on it: far above rounding, far below a pixel.
ON_EDGE = 1e-6


class Axis(NamedTuple):
    """Columns or rows of a source and of a view of it: `view = scale * source + shift`.

    Attributes:
        scale: Pixels of the view per pixel of the source; negative where mirrored.
        shift: Where the source's first edge lies in the view.
        source: Number of pixels of the source.
        view: Number of pixels of the view.
    """

    scale: float
    shift: float
    source: int
    view: int

    def needed(self) -> tuple[float, float]:
        """Between which positions of the source the view lies, also beyond the source's ends."""
        first, last = sorted((edge - self.shift) / self.scale for edge in (0, self.view))
        return first, last

    def nearest(self) -> tuple[slice, np.ndarray]:
        """The pixels of the view that see the source, and which pixel each of them sees."""
        places = (np.arange(self.view) + 0.5 - self.shift) / self.scale
        seen = np.flatnonzero((places >= 0) & (places < self.source))
        span = slice(int(seen[0]), int(seen[-1]) + 1) if seen.size else slice(0, 0)
        return span, places[span].astype(np.intp)

    def snapped(self) -> "Axis":
        """The nearest map whose view begins and ends between two pixels of the source.

        A view that reaches beyond the source stays as it is.
        """
        first, last = self.needed()
        if first < -ON_EDGE or last > self.source + ON_EDGE:
            return self
        low = min(round(first), self.source - 1)
        high = min(max(round(last), low + 1), self.source)
        scale = self.view / (high - low)
        if self.scale > 0:
            return self._replace(scale=scale, shift=-scale * low)
        return self._replace(scale=-scale, shift=scale * high)

    def matching(self) -> tuple[slice, slice] | None:
        """Pixels of the source and of the view that cover each other; none if pixels are cut."""
        first, last = (min(max(end, 0.0), self.source) for end in self.needed())
        start, stop = sorted(self.scale * end + self.shift for end in (first, last))
        edges = (first, last, start, stop)
        whole = [round(edge) for edge in edges]
        if any(abs(edge - near) > ON_EDGE for edge, near in zip(edges, whole, strict=True)):
            return None
        return slice(whole[0], whole[1]), slice(whole[2], whole[3])
