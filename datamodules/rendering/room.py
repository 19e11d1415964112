"""Rooms: four walls, pictures and doors on them, and simple solids on the floor and each other."""

from math import asin, cos, hypot, pi, radians, sin
from typing import NamedTuple

import numpy as np

from datamodules.rendering.bodies import Body, Plane, body
from datamodules.rendering.camera import Camera, Rotation, Vector, turn, unit
from datamodules.rendering.frame import Scenery
from datamodules.rendering.lights import Lamp, Light, Sun
from datamodules.rendering.looks import Look
from datamodules.rendering.materials import between, pick, random_material
from datamodules.rendering.primitives import BOX, CONE, CYLINDER, SPHERE, Solid
from datamodules.rendering.shade import Scene

# Train ids by place; colours after Okabe and Ito, which people with any colour vision tell apart.
ROOM_CLASSES: tuple[tuple[str, tuple[int, int, int]], ...] = (
    ("floor", (213, 94, 0)),
    ("ceiling", (190, 190, 190)),
    ("wall", (86, 180, 233)),
    ("panel", (0, 0, 0)),
    ("box", (240, 228, 66)),
    ("sphere", (204, 121, 167)),
    ("cylinder", (0, 114, 178)),
    ("cone", (0, 158, 115)),
)
FLOOR, CEILING, WALL, PANEL, *_ = range(len(ROOM_CLASSES))
_NUMBER = {name: number for number, (name, _) in enumerate(ROOM_CLASSES)}
_KINDS: dict[str, Solid] = {"box": BOX, "sphere": SPHERE, "cylinder": CYLINDER, "cone": CONE}

_FLOORS = ("planks", "tiles", "checker", "plain", "grains", "clouds", "stripes", "bricks")
_CEILINGS = ("plain", "plain", "grains")
_WALLS = ("plain", "plain", "grains", "stripes", "bricks", "tiles", "dots", "waves")
_REGULAR = ("checker", "stripes", "bricks", "dots", "planks", "waves")
_COATS = ("plain", "plain", *_REGULAR, "speckle", "clouds", "grains")
_TRIES = 40
_GAP = 0.05


class _Walls(NamedTuple):
    """A room with one corner in the origin, metres."""

    width: float
    length: float
    height: float


def room_scene(rng: np.random.Generator, look: Look) -> Scene:
    """The layout, which consumes the same random numbers whatever the look."""
    walls = _Walls(between(rng, 3.6, 6.5), between(rng, 4.2, 7.5), between(rng, 2.4, 3.2))
    camera = _camera(rng, walls)
    planes = _shell(rng, walls)
    panels = [_panel(rng, walls) for _ in range(int(rng.integers(3, 7)))]
    furniture = _furniture(rng, walls, camera)
    return Scene(camera, _light(rng, walls, look), look, planes, panels + furniture)


def _camera(rng: np.random.Generator, walls: _Walls) -> Camera:
    field = radians(between(rng, 55.0, 78.0))
    x, y = walls.width * between(rng, 0.25, 0.75), between(rng, 0.3, 0.9)
    position = np.array([x, y, between(rng, 1.2, 1.9)])
    # Towards the middle of the room, so that a wall beside the camera does not fill the view.
    yaw = np.arctan2(walls.width / 2 - x, walls.length / 2.0) + between(rng, -0.35, 0.35)
    pitch = radians(between(rng, -18.0, -4.0))
    forward = np.array([sin(yaw) * cos(pitch), cos(yaw) * cos(pitch), sin(pitch)])
    return Camera.look_at(position, position + forward, field, radians(between(rng, -5.0, 5.0)))


def _shell(rng: np.random.Generator, walls: _Walls) -> list[Plane]:
    floor = random_material(rng, _FLOORS, (0.3, 1.0), (0.0, 0.55), (0.3, 0.9))
    ceiling = random_material(rng, _CEILINGS, (0.5, 1.0), (0.0, 0.15), (0.75, 1.0))
    paper = random_material(rng, _WALLS, (0.35, 1.2), (0.0, 0.5), (0.45, 0.95))
    accent = random_material(rng, _WALLS, (0.35, 1.2), (0.0, 0.6), (0.4, 0.95))
    end = accent if rng.random() < 0.4 else paper
    x, y, up = np.eye(3)
    return [
        Plane(up, 0.0, x, floor, FLOOR),
        Plane(-up, -walls.height, x, ceiling, CEILING),
        Plane(x, 0.0, y, paper, WALL),
        Plane(-x, -walls.width, y, paper, WALL),
        Plane(y, 0.0, x, paper, WALL),
        Plane(-y, -walls.length, x, end, WALL),
    ]


def _panel(rng: np.random.Generator, walls: _Walls) -> Body:
    """A picture or a door on the far wall or on a side wall."""
    material = random_material(rng, _COATS, (0.5, 2.0), (0.2, 0.9), (0.25, 0.95))
    side, door = int(rng.integers(4)), rng.random() < 0.35
    half_width = between(rng, 0.4, 0.5) if door else between(rng, 0.3, 0.8)
    half_height = between(rng, 0.95, 1.05) if door else between(rng, 0.25, 0.55)
    height = half_height if door else between(rng, 1.3, 1.6)
    along, thick = rng.random(), 0.03
    if side < 2:
        x = half_width + along * (walls.width - 2 * half_width)
        place, scale = (x, walls.length, height), (half_width, thick, half_height)
    else:
        y = walls.length * (0.45 + 0.5 * along)
        y = min(y, walls.length - half_width)
        x = 0.0 if side == 2 else walls.width
        place, scale = (x, y, height), (thick, half_width, half_height)
    return body(BOX, place, scale, material, PANEL)


def _furniture(rng: np.random.Generator, walls: _Walls, camera: Camera) -> list[Body]:
    """Every kind once and some twice, apart from each other, where the camera looks."""
    kinds = [str(kind) for kind in rng.permutation([*_KINDS])]
    kinds += [pick(rng, ("box", "sphere", "cylinder", "cone", "cone", "sphere")) for _ in range(4)]
    number = int(rng.integers(6, len(kinds) + 1))
    bodies: list[Body] = []
    for kind in kinds[:number]:
        item = _item(rng, kind)
        place = _free_place(rng, walls, camera, _foot(item), bodies)
        if place is None:
            continue
        standing = item.moved(np.eye(3), 1.0, place)
        bodies.append(standing)
        upright = item.rotation[2, 2] > 0.5
        if kind in ("box", "cylinder") and upright and rng.random() < 0.4:
            bodies.append(_on_top(rng, standing))
    return bodies


def _item(rng: np.random.Generator, kind: str) -> Body:
    """A body of a kind, standing (or, of the cylinders, some lying) on z = 0."""
    material = random_material(rng, _COATS, (1.2, 4.0), (0.1, 0.95), (0.4, 0.98))
    spin: Rotation = turn(between(rng, -pi, pi))
    wide, tall, deep, lies = (rng.random() for _ in range(4))
    if kind == "box":
        scale = (0.26 + 0.3 * wide, 0.26 + 0.25 * deep, 0.25 + 0.35 * tall)
    elif kind == "sphere":
        scale = (0.34 + 0.25 * wide,) * 3
    elif kind == "cylinder":
        scale = (0.22 + 0.2 * wide, 0.22 + 0.2 * wide, 0.32 + 0.4 * tall)
    else:
        scale = (0.36 + 0.26 * wide, 0.36 + 0.26 * wide, 0.45 + 0.45 * tall)
    height = scale[2]
    if kind == "cylinder" and lies < 0.3:
        spin, height = spin @ turn(0.0, pi / 2.0), scale[0]
    return body(_KINDS[kind], (0.0, 0.0, height), scale, material, _NUMBER[kind], spin)


def _foot(item: Body) -> float:
    """Radius of the circle on the floor that the item stays within."""
    extent = item.extent()
    return float(np.hypot(extent[0], extent[1]) if item.solid is BOX else extent[:2].max())


def _free_place(
    rng: np.random.Generator, walls: _Walls, camera: Camera, radius: float, bodies: list[Body]
) -> Vector | None:
    """A place on the floor in view, clear of walls and bodies; None if none was found."""
    ahead_x, ahead_y, _ = unit(camera.rotation[2] * np.array([1.0, 1.0, 0.0])).tolist()
    start_x, start_y, _ = camera.position.tolist()
    taken = [(*item.position[:2].tolist(), _foot(item)) for item in bodies]
    for _ in range(_TRIES):
        # Nearer places are drawn as often as far ones, so that things are large in the image.
        far = between(rng, 1.1 + radius, max(walls.length - 1.6, 2.2 + radius))
        aside = between(rng, -0.42, 0.42) * camera.field * far
        x = start_x + far * ahead_x + aside * ahead_y
        y = start_y + far * ahead_y - aside * ahead_x
        inside = radius < x < walls.width - radius and radius < y < walls.length - radius
        if inside and all(
            hypot(x - other_x, y - other_y) > radius + size + _GAP
            for other_x, other_y, size in taken
        ):
            return np.array([x, y, 0.0])
    return None


def _on_top(rng: np.random.Generator, below: Body) -> Body:
    """A smaller thing that stands on a box or a cylinder."""
    item = _item(rng, pick(rng, ("sphere", "cone", "cylinder", "box", "cone", "sphere")))
    support = float(below.extent()[:2].min() if below.solid is BOX else below.scale[0])
    factor = min(0.8, 0.95 * support / _foot(item))
    top = below.position + np.array([0, 0, below.extent()[2]])
    return item.moved(np.eye(3), factor, top)


def _light(rng: np.random.Generator, walls: _Walls, look: Look) -> Light:
    """A lamp somewhere in the room, or light from one side as through a wide window."""
    x, y, share, angle, kind = (rng.random() for _ in range(5))
    height = look.lamp[0] + (look.lamp[1] - look.lamp[0]) * share
    if kind < 0.7:
        place = (walls.width * (0.2 + 0.6 * x), walls.length * (0.15 + 0.6 * y))
        return Lamp(np.array([*place, walls.height * height]), 4.0)
    low, high = (sin(radians(e)) for e in look.elevation)
    # From behind or beside the camera, which looks along y: a back-lit room is a dark one.
    rise, around = asin(low + (high - low) * share), pi * (1.2 * angle - 1.1)
    return Sun(np.array([cos(around) * cos(rise), sin(around) * cos(rise), sin(rise)]))


room = Scenery(room_scene, WALL, ROOM_CLASSES)
"""Furnished rooms, each seen from one of its ends."""
