"""The pinhole camera: where it stands, where it looks, and the ray through each pixel."""

from dataclasses import dataclass
from math import cos, sin, tan

import numpy as np
from jaxtyping import Float, Float32

Vector = Float[np.ndarray, "3"]
Rotation = Float[np.ndarray, "3 3"]


def unit(vector: Vector) -> Vector:
    return vector / np.linalg.norm(vector)


def turn(yaw: float, pitch: float = 0.0, roll: float = 0.0) -> Rotation:
    """Rotation by `roll` about x, then `pitch` about y, then `yaw` about z, in radians."""
    cy, sy, cp, sp, cr, sr = cos(yaw), sin(yaw), cos(pitch), sin(pitch), cos(roll), sin(roll)
    return np.array(
        [
            [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
            [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
            [-sp, cp * sr, cp * cr],
        ]
    )


def along(axis: Vector) -> Rotation:
    """A rotation that turns z to a unit vector."""
    across = unit(np.cross(np.eye(3)[int(np.argmin(np.abs(axis)))], axis))
    return np.stack([across, np.cross(axis, across), axis], axis=1)


@dataclass(frozen=True, eq=False)
class Camera:
    """A pinhole camera in a world whose z axis points up.

    Attributes:
        position: in the world, metres.
        rotation: rows are the camera's right, down and forward axes in the world.
        field: angle of view along the longer side of the image, radians.
    """

    position: Vector
    rotation: Rotation
    field: float

    @classmethod
    def look_at(cls, position: Vector, target: Vector, field: float, roll: float = 0.0) -> "Camera":
        """Camera at `position` that sees `target` in its centre, upright but for `roll` radians."""
        forward = unit(target - position)
        right = unit(np.cross(forward, np.array([0.0, 0.0, 1.0])))
        down = np.cross(forward, right)
        right, down = cos(roll) * right + sin(roll) * down, cos(roll) * down - sin(roll) * right
        return cls(position, np.stack([right, down, forward]), field)

    def intrinsics(self, size: tuple[int, int]) -> tuple[float, float, float, float]:
        """(fx, fy, cx, cy) in pixels for an image of `size` (height, width).

        The image's corner is at 0, a pixel's centre at + 0.5.
        """
        focal = max(size) / (2 * tan(self.field / 2))
        return focal, focal, size[1] / 2, size[0] / 2

    def slopes(
        self, size: tuple[int, int]
    ) -> tuple[Float32[np.ndarray, " width"], Float32[np.ndarray, " height"]]:
        """x/z of every column and y/z of every row: the ray of a pixel is (x, y, 1).

        Because z is 1, the distance along a ray in units of its direction IS the z-depth.
        """
        focal_x, focal_y, centre_x, centre_y = self.intrinsics(size)
        columns = (np.arange(size[1]) + 0.5 - centre_x) / focal_x
        rows = (np.arange(size[0]) + 0.5 - centre_y) / focal_y
        return columns.astype(np.float32), rows.astype(np.float32)

    def sees(self, point: Vector) -> Vector:
        """A point of the world in the camera's frame."""
        return self.rotation @ (point - self.position)
