"""One source of light, and the bodies that stand in its way. All in the camera's frame."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32

from datamodules.rendering.bodies import Seen
from datamodules.rendering.camera import Camera, Vector, along
from datamodules.rendering.primitives import Points, Surfaces, Values, dot

Places = Float32[np.ndarray, "3 pixels"]
Casters = Sequence[tuple[int, Seen]]
Dark = Bool[np.ndarray, " pixels"]

# A point this close to the end of its ray (as a share of it) is the surface itself.
_NEARLY = np.float32(0.999)


class Light(ABC):
    """A source of light placed in the world."""

    @abstractmethod
    def seen_by(self, camera: Camera) -> "Light":
        """The same light in the camera's frame."""

    @abstractmethod
    def arrives(self, points: Points) -> tuple[Points, Values | np.float32]:
        """Unit vector towards the light and the light's strength at each point."""

    @abstractmethod
    def blocked(self, points: Places, surfaces: Surfaces, casters: Casters) -> Dark:
        """Where a caster hides the light from a point that lies on another surface."""


@dataclass(frozen=True, eq=False)
class Sun(Light):
    """Parallel light; `direction` is the unit vector towards it."""

    direction: Vector

    def seen_by(self, camera: Camera) -> "Sun":
        return Sun(camera.rotation @ self.direction)

    def arrives(self, points: Points) -> tuple[Points, np.float32]:
        direction = self.direction.astype(np.float32)
        return direction.reshape(3, *[1] * (points.ndim - 1)), np.float32(1)

    def blocked(self, points: Places, surfaces: Surfaces, casters: Casters) -> Dark:
        dark = np.zeros(points.shape[1], bool)
        frame = along(self.direction).T.astype(np.float32, order="C")
        u, v, height = (dot(axis, points) for axis in frame)
        for number, seen in casters:
            cu, cv, top = (float(value) for value in frame @ seen.centre)
            du, dv = u - np.float32(cu), v - np.float32(cv)
            near = du * du + dv * dv < seen.radius**2
            near &= (height < top + seen.radius) & (surfaces != number)
            chosen = np.flatnonzero(near)
            if chosen.size:
                origin = seen.matrix @ points[:, chosen] + seen.offset[:, None]
                direction = (seen.matrix @ frame[2])[:, None]
                enter, leave = seen.body.solid.span(origin, direction)
                dark[chosen] |= (enter <= leave) & (leave > 0)
        return dark


@dataclass(frozen=True, eq=False)
class Lamp(Light):
    """A point of light; at distance `reach` (metres) its light has fallen to one half."""

    position: Vector
    reach: float

    def seen_by(self, camera: Camera) -> "Lamp":
        return Lamp(camera.sees(self.position), self.reach)

    def arrives(self, points: Points) -> tuple[Points, Values]:
        position = self.position.astype(np.float32)
        way = position.reshape(3, *[1] * (points.ndim - 1)) - points
        square = dot(way, way)
        return way / np.sqrt(square), 1 / (1 + square / np.float32(self.reach**2))

    def blocked(self, points: Places, surfaces: Surfaces, casters: Casters) -> Dark:
        dark = np.zeros(points.shape[1], bool)
        source = self.position.astype(np.float32)
        rays = points - source[:, None]
        far = np.sqrt(dot(rays, rays))
        for number, seen in casters:
            way = seen.centre - self.position
            distance = float(np.linalg.norm(way))
            cosine = np.sqrt(max(1 - (seen.radius / max(distance, 1e-6)) ** 2, 0))
            axis = (way / max(distance, 1e-6)).astype(np.float32)
            near = far > distance - seen.radius
            if distance > seen.radius:
                near &= dot(axis, rays) > np.float32(cosine) * far
            chosen = np.flatnonzero(near & (surfaces != number))
            if chosen.size:
                origin = (seen.matrix @ source + seen.offset)[:, None]
                enter, leave = seen.body.solid.span(origin, seen.matrix @ rays[:, chosen])
                dark[chosen] |= (enter <= leave) & (leave > 0) & (enter < _NEARLY)
        return dark
