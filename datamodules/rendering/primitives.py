"""Unit solids and where a ray enters and leaves them.

Every solid lives in its own frame, inside the cube [-1, 1]³, and is stretched and turned by the
`Body` that uses it. A ray in that frame is `origin + t * direction` with the same t as in the
camera's frame, because the change of frame is affine. Arrays are component-first (3, ...), and
origin and direction have the same number of axes, so that they broadcast.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Integer

Points = Float32[np.ndarray, "3 ..."]
Values = Float32[np.ndarray, "..."]
Chart = Float32[np.ndarray, "2 ..."]
Pixels = Float32[np.ndarray, " pixels"]
Surfaces = Integer[np.ndarray, " pixels"]

# Keeps a division by an exactly vanishing direction finite without changing any other value.
TINY = np.float32(1e-12)
ONE = np.float32(1)


def dot(first: Points, second: Points) -> Values:
    return first[0] * second[0] + first[1] * second[1] + first[2] * second[2]


class Solid(ABC):
    """A closed solid around the origin."""

    @property
    def half(self) -> Float[np.ndarray, "3"]:
        """Half extents along the axes."""
        return np.ones(3)

    @abstractmethod
    def span(self, origin: Points, direction: Points) -> tuple[Values, Values]:
        """t where each ray enters and leaves the solid; the ray misses where enter > leave."""

    @abstractmethod
    def normal(self, point: Points) -> Points:
        """Outward normal (of any length) at points on the surface, in the solid's frame."""

    def chart(self, point: Points, normal: Points, scale: Float[np.ndarray, "3"]) -> Chart:
        """Texture coordinates (u, v) in metres: the face's own plane, upright on side faces."""
        size = np.abs(normal)
        flat = (size[2] > size[0]) & (size[2] > size[1])
        along = (size[0] > size[1]) & ~flat
        x, y, z = (np.float32(s) * p for s, p in zip(scale, point, strict=True))
        return np.stack([np.where(along, y, x), np.where(flat, y, z)])

    def reach(self, scale: Float[np.ndarray, "3"]) -> float:
        """Radius of the sphere around the stretched solid."""
        return float(np.sqrt((scale * scale).sum()))


class Box(Solid):
    """The cube [-1, 1]³."""

    def span(self, origin: Points, direction: Points) -> tuple[Values, Values]:
        near, far = [], []
        for axis in range(3):
            inverse = ONE / (direction[axis] + TINY)
            middle, half = -origin[axis] * inverse, np.abs(inverse)
            near.append(middle - half)
            far.append(middle + half)
        enter = np.maximum(np.maximum(near[0], near[1]), near[2])
        leave = np.minimum(np.minimum(far[0], far[1]), far[2])
        return enter, leave

    def normal(self, point: Points) -> Points:
        size = np.abs(point)
        axis = np.argmax(size, axis=0)
        return np.stack([np.sign(point[k]) * (axis == k) for k in range(3)])


class Sphere(Solid):
    """The unit sphere; stretched, any ellipsoid."""

    def span(self, origin: Points, direction: Points) -> tuple[Values, Values]:
        # The point nearest to the centre first: exact in float32 however far the origin is.
        square = dot(direction, direction)
        middle = -dot(origin, direction) / square
        nearest = [origin[k] + middle * direction[k] for k in range(3)]
        gap = ONE - (nearest[0] * nearest[0] + nearest[1] * nearest[1] + nearest[2] * nearest[2])
        half = np.sqrt(np.maximum(gap, 0) / square)
        half = np.where(gap > 0, half, np.float32(-np.inf))
        return middle - half, middle + half

    def normal(self, point: Points) -> Points:
        return point

    def chart(self, point: Points, normal: Points, scale: Float[np.ndarray, "3"]) -> Chart:
        around = np.arctan2(point[1], point[0]) * np.float32(scale[0])
        up = np.arcsin(np.clip(point[2], -1, 1)) * np.float32(scale[2])
        return np.stack([around, up])

    def reach(self, scale: Float[np.ndarray, "3"]) -> float:
        return float(scale.max())


@dataclass(frozen=True)
class Frustum(Solid):
    """A round solid about z whose radius goes linearly from `bottom` (z = -1) to `top` (z = 1)."""

    bottom: float
    top: float

    @property
    def half(self) -> Float[np.ndarray, "3"]:
        widest = max(self.bottom, self.top)
        return np.array([widest, widest, 1])

    def span(self, origin: Points, direction: Points) -> tuple[Values, Values]:
        shift = -dot(origin, direction) / dot(direction, direction)
        x, y, z = (origin[k] + shift * direction[k] for k in range(3))
        dx, dy, dz = direction[0], direction[1], direction[2]
        growth = np.float32((self.top - self.bottom) / 2)
        radius = np.float32((self.top + self.bottom) / 2) + growth * z
        square = dx * dx + dy * dy - growth * growth * dz * dz
        square = np.where(np.abs(square) < 1e-7, np.float32(1e-7), square)
        linear = x * dx + y * dy - growth * radius * dz
        constant = x * x + y * y - radius * radius
        root = linear * linear - square * constant
        half = np.sqrt(np.maximum(root, 0))
        # The stable pair of roots: neither subtracts two nearly equal numbers.
        larger = -(linear + np.copysign(half, linear))
        first = larger / square
        second = constant / np.where(larger == 0, TINY, larger)
        low, high = np.minimum(first, second), np.maximum(first, second)
        # A ray steeper than the side stays inside once it has passed the apex: half a line.
        steep, upward = square < 0, growth * dz > 0
        enter = np.where(steep, np.where(upward, high, np.float32(-np.inf)), low)
        leave = np.where(steep, np.where(upward, np.float32(np.inf), low), high)
        inverse = ONE / (dz + TINY)
        middle, thick = -z * inverse, np.abs(inverse)
        enter = np.maximum(enter, middle - thick)
        leave = np.where(root >= 0, np.minimum(leave, middle + thick), np.float32(-np.inf))
        return enter + shift, leave + shift

    def normal(self, point: Points) -> Points:
        growth = np.float32((self.top - self.bottom) / 2)
        around = np.sqrt(point[0] * point[0] + point[1] * point[1])
        radius = np.float32((self.top + self.bottom) / 2) + growth * point[2]
        # Whichever surface the point is nearer to: rounding leaves it on neither exactly.
        cap = np.abs(point[2]) - ONE > around - radius
        side = ~cap
        up = np.where(cap, np.sign(point[2]), -growth * around)
        return np.stack([point[0] * side, point[1] * side, up])

    def chart(self, point: Points, normal: Points, scale: Float[np.ndarray, "3"]) -> Chart:
        cap = (normal[0] == 0) & (normal[1] == 0)
        radius = max(self.bottom, self.top)
        around = np.arctan2(point[1], point[0]) * np.float32(radius * scale[0])
        u = np.where(cap, point[0] * np.float32(scale[0]), around)
        v = np.where(cap, point[1] * np.float32(scale[1]), point[2] * np.float32(scale[2]))
        return np.stack([u, v])

    def reach(self, scale: Float[np.ndarray, "3"]) -> float:
        widest = max(self.bottom, self.top) * float(scale[:2].max())
        return float(np.hypot(widest, scale[2]))


@dataclass(frozen=True)
class Convex(Solid):
    """What lies behind all of the planes `normals · point = offsets`."""

    normals: tuple[tuple[float, float, float], ...]
    offsets: tuple[float, ...]

    def span(self, origin: Points, direction: Points) -> tuple[Values, Values]:
        enter: Values = np.full((), -np.inf, np.float32)
        leave: Values = np.full((), np.inf, np.float32)
        for normal, offset in zip(np.array(self.normals, np.float32), self.offsets, strict=True):
            slope = dot(normal, direction) + TINY
            crossing = (np.float32(offset) - dot(normal, origin)) / slope
            inwards = slope < 0
            enter = np.maximum(enter, np.where(inwards, crossing, np.float32(-np.inf)))
            leave = np.minimum(leave, np.where(inwards, np.float32(np.inf), crossing))
        return enter, leave

    def normal(self, point: Points) -> Points:
        normals = np.array(self.normals, np.float32)
        height = np.tensordot(normals, point, axes=1)
        height -= np.array(self.offsets, np.float32).reshape(-1, *[1] * (point.ndim - 1))
        return np.moveaxis(normals[np.argmax(height, axis=0)], -1, 0)


@dataclass(frozen=True)
class Torus(Solid):
    """A ring about z of outer radius 1 and tube radius `tube`, met by sphere tracing."""

    tube: float
    steps: int = 32

    @property
    def half(self) -> Float[np.ndarray, "3"]:
        return np.array([1, 1, self.tube])

    def span(self, origin: Points, direction: Points) -> tuple[Values, Values]:
        enter, leave = Sphere().span(origin, direction)
        shape = enter.shape
        origin, direction = (np.broadcast_to(part, (3, *shape)) for part in (origin, direction))
        candidates = np.flatnonzero(enter < leave)
        start, ray = (a.reshape(3, -1)[:, candidates] for a in (origin, direction))
        t, last = np.maximum(enter.ravel()[candidates], 0), leave.ravel()[candidates]
        pace = ONE / np.sqrt(dot(ray, ray))
        for _ in range(self.steps):
            gap = self._distance(start + t * ray)
            t = t + gap * pace
        # A ray that only grazes ends near the ring too, but behind its nearest point.
        towards = dot(self.normal(start + t * ray), ray) < 0
        hit = (np.abs(gap) < 5e-3) & (t <= last) & towards
        first = np.full(enter.size, np.inf, np.float32)
        first[candidates[hit]] = t[hit]
        final = np.where(np.isfinite(first), first, -np.inf)
        return first.reshape(shape), final.reshape(shape)

    def _distance(self, point: Points) -> Values:
        around = np.sqrt(point[0] * point[0] + point[1] * point[1]) - np.float32(1 - self.tube)
        return np.sqrt(around * around + point[2] * point[2]) - np.float32(self.tube)

    def normal(self, point: Points) -> Points:
        around = np.sqrt(point[0] * point[0] + point[1] * point[1]) + TINY
        share = ONE - np.float32(1 - self.tube) / around
        return np.stack([point[0] * share, point[1] * share, point[2]])

    def chart(self, point: Points, normal: Points, scale: Float[np.ndarray, "3"]) -> Chart:
        around = np.sqrt(point[0] * point[0] + point[1] * point[1]) - np.float32(1 - self.tube)
        u = np.arctan2(point[1], point[0]) * np.float32(scale[0])
        v = np.arctan2(point[2], around) * np.float32(scale[0] * self.tube)
        return np.stack([u, v])

    def reach(self, scale: Float[np.ndarray, "3"]) -> float:
        return float(scale.max())


_SLANT = 5**-0.5
BOX = Box()
SPHERE = Sphere()
CYLINDER = Frustum(1.0, 1.0)
CONE = Frustum(1.0, 0.0)
# A square base of side 2 at z = -1, and sides that rise 2 over 1.
_SLOPES = ((2 * _SLANT, 0.0, _SLANT), (-2 * _SLANT, 0.0, _SLANT))
_BASE = (0.0, 0.0, -1.0)
# The apex is at z = 1.
PYRAMID = Convex(
    (*_SLOPES, (0.0, 2 * _SLANT, _SLANT), (0.0, -2 * _SLANT, _SLANT), _BASE),
    (_SLANT, _SLANT, _SLANT, _SLANT, 1.0),
)
# A roof: the ridge runs along y at z = 1.
PRISM = Convex(
    (*_SLOPES, (0.0, 1.0, 0.0), (0.0, -1.0, 0.0), _BASE), (_SLANT, _SLANT, 1.0, 1.0, 1.0)
)
