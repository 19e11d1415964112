"""What stands in a scene: solids with a place, a size, a material and a class; and planes."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float, Float32

from datamodules.rendering.camera import Camera, Rotation, Vector
from datamodules.rendering.materials import Material
from datamodules.rendering.primitives import Solid

UPRIGHT: Rotation = np.eye(3)


@dataclass(frozen=True, eq=False)
class Body:
    """A stretched and turned solid.

    Attributes:
        rotation: columns are the solid's axes in the world.
        scale: half extents along the solid's own axes, metres.
        casts: whether it throws shadows.
    """

    solid: Solid
    position: Vector
    scale: Vector
    material: Material
    category: int = 0
    rotation: Rotation = field(default_factory=lambda: UPRIGHT)
    casts: bool = True

    def moved(self, rotation: Rotation, factor: float, position: Vector) -> "Body":
        """Turned, then scaled about the origin, then shifted."""
        return replace(
            self,
            position=rotation @ self.position * factor + position,
            scale=self.scale * factor,
            rotation=rotation @ self.rotation,
        )

    def extent(self) -> Vector:
        """Half extents of an axis-aligned box around the body in the world."""
        return np.abs(self.rotation) @ (self.scale * self.solid.half)


@dataclass(frozen=True, eq=False)
class Plane:
    """The boundary of the half-space `normal · point >= offset`, in which the camera stands.

    Attributes:
        normal: unit, towards the camera, in the world.
        across: the texture's u axis in the world, unit and within the plane.
    """

    normal: Vector
    offset: float
    across: Vector
    material: Material
    category: int = 0


def body(
    solid: Solid,
    position: Iterable[float],
    scale: Iterable[float],
    material: Material,
    category: int = 0,
    rotation: Rotation = UPRIGHT,
) -> Body:
    """A `Body` from plain numbers."""
    return Body(
        solid, np.array([*position], float), np.array([*scale], float), material, category, rotation
    )


@dataclass(frozen=True, eq=False)
class Seen:
    """A body in the camera's frame: `matrix @ point + offset` is the solid's own frame."""

    body: Body
    matrix: Float32[np.ndarray, "3 3"]
    offset: Float32[np.ndarray, "3"]
    centre: Float[np.ndarray, "3"]
    radius: float

    @classmethod
    def by(cls, camera: Camera, body: Body) -> "Seen":
        inverse = body.rotation.T / body.scale[:, None]
        offset = inverse @ (camera.position - body.position)
        matrix = inverse @ camera.rotation.T
        return cls(
            body,
            matrix.astype(np.float32),
            offset.astype(np.float32),
            camera.sees(body.position),
            body.solid.reach(body.scale),
        )

    def slopes(self) -> tuple[tuple[float, float], tuple[float, float]] | None:
        """Lowest and highest x/z and y/z of the bounding sphere; None behind the camera."""
        x, y, z = (float(value) for value in self.centre)
        if z < -self.radius:
            return None
        return _interval(x, z, self.radius), _interval(y, z, self.radius)


def _interval(across: float, depth: float, radius: float) -> tuple[float, float]:
    """Slopes of the two lines through the eye that touch a circle; all if they surround it."""
    square = depth * depth - radius * radius
    if depth <= radius or square <= 0:
        return -np.inf, np.inf
    root = radius * float(np.sqrt(across * across + square))
    return (across * depth - root) / square, (across * depth + root) / square
