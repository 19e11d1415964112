"""Which surface each pixel sees: depth, surface number, normal and texture coordinates."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int16

from datamodules.rendering.bodies import Body, Plane, Seen
from datamodules.rendering.camera import Camera
from datamodules.rendering.primitives import dot

SKY = -1
# Surfaces farther than this (metres) are sky: the ground plane just under the horizon.
FAR = 1000.0


@dataclass(frozen=True, eq=False)
class Buffer:
    """What the rays met. Pixels without a surface have number `SKY` and depth infinity.

    Surface numbers count the planes first, then the bodies.
    """

    columns: Float32[np.ndarray, " width"]
    rows: Float32[np.ndarray, " height"]
    depth: Float32[np.ndarray, "height width"]
    surface: Int16[np.ndarray, "height width"]
    normals: Float32[np.ndarray, "3 height width"]
    chart: Float32[np.ndarray, "2 height width"]
    seen: tuple[Seen, ...]

    def points(self) -> Float32[np.ndarray, "3 height width"]:
        """Where the rays ended, in the camera's frame."""
        depth = np.where(self.surface == SKY, np.float32(FAR), self.depth)
        return np.stack([depth * self.columns, depth * self.rows[:, None], depth])


def trace(
    camera: Camera, planes: Sequence[Plane], bodies: Sequence[Body], size: tuple[int, int]
) -> Buffer:
    """Meets every pixel's ray with every plane, and with every body that may be on its way."""
    columns, rows = camera.slopes(size)
    seen = tuple(Seen.by(camera, body) for body in bodies)
    depth, surface = _meet_planes(camera, planes, columns, rows)
    normals = np.full((3, *size), np.nan, np.float32)
    chart = np.zeros((2, *size), np.float32)
    buffer = Buffer(columns, rows, depth, surface, normals, chart, seen)
    numbered = list(enumerate(seen, start=len(planes)))
    windows = [_meet_body(body, number, buffer) for number, body in numbered]
    for number, plane in enumerate(planes):
        _describe_plane(camera, plane, number, buffer)
    for (number, body), window in zip(numbered, windows, strict=True):
        if window is not None:
            _describe_body(body, number, window, buffer)
    return buffer


def _meet_planes(
    camera: Camera,
    planes: Sequence[Plane],
    columns: Float32[np.ndarray, " width"],
    rows: Float32[np.ndarray, " height"],
) -> tuple[Float32[np.ndarray, "height width"], Int16[np.ndarray, "height width"]]:
    """Depth and number of the nearest plane. 1 / depth is affine in the pixel's place."""
    nearness = np.full((rows.size, columns.size), 1 / FAR, np.float32)
    surface = np.full(nearness.shape, SKY, np.int16)
    for number, plane in enumerate(planes):
        height = float(plane.normal @ camera.position) - plane.offset
        x, y, z = (-(camera.rotation @ plane.normal) / height).astype(np.float32)
        here = (x * columns + z) + (y * rows)[:, None]
        closer = here > nearness
        np.copyto(nearness, here, where=closer)
        surface[closer] = number
    depth = 1 / nearness
    depth[surface == SKY] = np.inf
    return depth, surface


def _window(seen: Seen, buffer: Buffer) -> tuple[slice, slice] | None:
    """The box of pixels that can see the body's bounding sphere."""
    slopes = seen.slopes()
    if slopes is None:
        return None
    across, down = (
        slice(*np.searchsorted(pixels, ends).tolist())
        for pixels, ends in zip((buffer.columns, buffer.rows), slopes, strict=True)
    )
    return None if across.start >= across.stop or down.start >= down.stop else (down, across)


def _meet_body(seen: Seen, number: int, buffer: Buffer) -> tuple[slice, slice] | None:
    """Enters the body into depth and surface where it is nearest; gives the window touched."""
    window = _window(seen, buffer)
    if window is None:
        return None
    across = seen.matrix[:, :1] * buffer.columns[window[1]] + seen.matrix[:, 2:]
    down = seen.matrix[:, 1:2] * buffer.rows[window[0]]
    direction = across[:, None, :] + down[:, :, None]
    enter, leave = seen.body.solid.span(seen.offset[:, None, None], direction)
    hit = (enter <= leave) & (enter < buffer.depth[window]) & (enter > 0)
    np.copyto(buffer.depth[window], enter, where=hit)
    buffer.surface[window][hit] = number
    return window


def _describe_plane(camera: Camera, plane: Plane, number: int, buffer: Buffer) -> None:
    """Writes the plane's normal and texture coordinates where it is seen."""
    down, across = np.nonzero(buffer.surface == number)
    if not down.size:
        return
    shown = down * buffer.columns.size + across
    x, y, depth = buffer.columns[across], buffer.rows[down], buffer.depth.reshape(-1)[shown]
    normal = (camera.rotation @ plane.normal).astype(np.float32)
    buffer.normals.reshape(3, -1)[:, shown] = normal[:, None]
    for row, axis in enumerate((plane.across, np.cross(plane.normal, plane.across))):
        a, b, c = (camera.rotation @ axis).astype(np.float32)
        start = np.float32(axis @ camera.position)
        buffer.chart.reshape(2, -1)[row, shown] = depth * (a * x + b * y + c) + start


def _describe_body(seen: Seen, number: int, window: tuple[slice, slice], buffer: Buffer) -> None:
    """Writes the body's normals and texture coordinates where it is seen."""
    down, across = np.nonzero(buffer.surface[window] == number)
    if not down.size:
        return
    shown = (down + window[0].start) * buffer.columns.size + (across + window[1].start)
    depth = buffer.depth.reshape(-1)[shown]
    x, y = buffer.columns[window[1]][across], buffer.rows[window[0]][down]
    point = seen.matrix @ np.stack([depth * x, depth * y, depth]) + seen.offset[:, None]
    own = seen.body.solid.normal(point)
    normal = seen.matrix.T @ own
    normal /= np.sqrt(dot(normal, normal))
    buffer.normals.reshape(3, -1)[:, shown] = normal
    buffer.chart.reshape(2, -1)[:, shown] = seen.body.solid.chart(point, own, seen.body.scale)
