"""Photos of a person, an animal or a thing, with others around, in a room or in the open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from math import asin, cos, pi, radians, sin, tan

import numpy as np

from datamodules.rendering.bodies import Body, Plane, body
from datamodules.rendering.camera import Camera, turn
from datamodules.rendering.figure import PARTS, figure, limb
from datamodules.rendering.frame import Scenery
from datamodules.rendering.lights import Lamp, Light, Sun
from datamodules.rendering.looks import Look
from datamodules.rendering.materials import (
    Material,
    between,
    from_hsv,
    pick,
    random_material,
    shaded,
)
from datamodules.rendering.primitives import SPHERE
from datamodules.rendering.shade import Scene
from datamodules.rendering.shapes import assemble

# Train ids by place; colours after Okabe and Ito, and shades of them.
PHOTO_CLASSES: tuple[tuple[str, tuple[int, int, int]], ...] = (
    ("sky", (86, 180, 233)),
    ("grass", (0, 158, 115)),
    ("floor", (190, 190, 190)),
    ("wall", (230, 220, 200)),
    ("clutter", (100, 100, 100)),
    ("head", (240, 228, 66)),
    ("torso", (213, 94, 0)),
    ("upper arm", (0, 114, 178)),
    ("lower arm", (150, 90, 220)),
    ("upper leg", (204, 121, 167)),
    ("lower leg", (130, 60, 100)),
    ("dog", (0, 0, 0)),
    ("chair", (120, 80, 0)),
    ("table", (170, 120, 30)),
    ("car", (0, 60, 100)),
    ("plant", (0, 80, 20)),
    ("bottle", (150, 30, 30)),
)
CATEGORIES = {name: number for number, (name, _) in enumerate(PHOTO_CLASSES)}
SKY = CATEGORIES["sky"]
HEAD = CATEGORIES[PARTS[0]]

# What stands for each thing among the shapes, and how tall it is in metres.
_THINGS: dict[str, tuple[str, tuple[float, float]]] = {
    "chair": ("chair", (0.8, 1.0)),
    "table": ("table", (0.65, 0.8)),
    "car": ("car", (1.3, 1.5)),
    "plant": ("tree", (0.8, 1.5)),
    "bottle": ("vase", (0.4, 0.6)),
}
_KINDS = (*["person"] * 5, "dog", *_THINGS)
_COATS = ("plain", "plain", "stripes", "checker", "speckle", "clouds", "grains")
_STUFF = ("plain", "tiles", "planks", "bricks", "grains", "clouds")
# Half the height of a photo in shares of half its width: 375 of 500 pixels.
_ASPECT = 0.75


def photo_scene(rng: np.random.Generator, look: Look) -> Scene:
    """The layout, which consumes the same random numbers whatever the look.

    What the photo is of stands in the origin; the camera looks at it along y.
    """
    main = _standing(rng, pick(rng, _KINDS))
    size = np.max([np.abs(part.position) + part.extent() for part in main], axis=0)
    tall, large = float(size[2]), max(float(size[2]), 1.5 * float(size[:2].max()), 0.7)
    camera = _camera(rng, tall, large)
    others = [_beside(rng, large) for _ in range(int(rng.integers(0, 4)))]
    outside = rng.random() < 0.5
    stage = _meadow(rng) if outside else _room(rng, main)
    seen = (parts for parts in others if all(_clearance(parts, wall) >= 0 for wall in stage[1:]))
    bodies = [*main, *chain.from_iterable(seen)]
    return Scene(camera, _light(rng, look, outside), look, stage, bodies)


def _camera(rng: np.random.Generator, tall: float, large: float) -> Camera:
    """Sees something so tall and so large, or most of it, near the middle."""
    field, rise = radians(between(rng, 35.0, 60.0)), radians(between(rng, 2.0, 25.0))
    distance = between(rng, 0.95, 1.7) * large / 2 / (_ASPECT * tan(field / 2))
    target = np.array([between(rng, -0.2, 0.2), 0.0, tall * between(rng, 0.4, 0.6)])
    away = np.array([0.0, -cos(rise), sin(rise)])
    position = target + (distance + 0.3) * away
    return Camera.look_at(position, target, field, radians(between(rng, -4.0, 4.0)))


def _standing(rng: np.random.Generator, kind: str) -> list[Body]:
    """A person, an animal or a thing on z = 0 in the origin, turned somehow."""
    if kind == "person":
        parts, spin = figure(rng, HEAD), between(rng, -0.9, 0.9)
    elif kind == "dog":
        parts, spin = _dog(rng), between(rng, -pi, pi)
    else:
        return _thing(rng, kind)
    return [part.moved(turn(spin), 1.0, np.zeros(3)) for part in parts]


def _thing(rng: np.random.Generator, kind: str) -> list[Body]:
    shape, tall = _THINGS[kind]
    material = random_material(rng, _COATS, (1.2, 4.0), (0.1, 0.95), (0.3, 0.95))
    return _sized(rng, shape, material, between(rng, *tall), CATEGORIES[kind])


def _sized(
    rng: np.random.Generator, shape: str, material: Material, tall: float, category: int
) -> list[Body]:
    """A shape in some pose, so many metres tall."""
    parts = assemble(shape, rng, material, turn(between(rng, -pi, pi)))
    height = max(float(part.position[2] + part.extent()[2]) for part in parts)
    scaled = (part.moved(np.eye(3), tall / height, np.zeros(3)) for part in parts)
    return [replace(part, category=category) for part in scaled]


def _dog(rng: np.random.Generator) -> list[Body]:
    """A dog that faces +x."""
    colour = from_hsv(between(rng, 15.0, 45.0), between(rng, 0.1, 0.7), between(rng, 0.15, 0.95))
    fur, dog = Material(colour, shaded(colour, 0.5), "clouds", (3.0, 3.0)), CATEGORIES["dog"]
    tall = between(rng, 0.35, 0.5)
    parts = [
        body(SPHERE, (0.0, 0.0, tall), (0.34, 0.13, 0.14), fur, dog),
        body(SPHERE, (0.42, 0.0, tall + 0.2), (0.13, 0.1, 0.11), fur, dog),
        body(SPHERE, (0.54, 0.0, tall + 0.16), (0.09, 0.05, 0.05), fur, dog),
    ]
    tail, tip = np.array([-0.3, 0.0, tall + 0.05]), np.array([-0.5, 0.0, tall + 0.25])
    parts += limb(tail, tip, (0.03, 0.02), fur, dog)
    for along, aside in ((0.22, 0.08), (0.22, -0.08), (-0.22, 0.08), (-0.22, -0.08)):
        hip, paw = np.array([along, aside, tall]), np.array([along, aside, 0.04])
        parts += limb(hip, paw, (0.06, 0.04), fur, dog)
    return parts


def _beside(rng: np.random.Generator, far: float) -> list[Body]:
    """Something to the side of or behind what the photo is of, about so far away."""
    if rng.random() < 0.4:
        material = random_material(rng, _COATS, (1.0, 3.0), (0.0, 0.7), (0.2, 0.9))
        shape = pick(rng, ("box", "cylinder", "sphere", "stack"))
        parts = _sized(rng, shape, material, between(rng, 0.2, 0.6), CATEGORIES["clutter"])
    else:
        parts = _standing(rng, pick(rng, _KINDS))
    side = -1.0 if rng.random() < 0.5 else 1.0
    place = np.array([side * between(rng, 0.6, 1.3) * far, between(rng, -0.1, 1.8) * far, 0.0])
    return [part.moved(np.eye(3), 1.0, place) for part in parts]


def _meadow(rng: np.random.Generator) -> list[Plane]:
    green = from_hsv(between(rng, 70.0, 120.0), between(rng, 0.3, 0.7), between(rng, 0.35, 0.7))
    grass = Material(green, shaded(green, 0.4), pick(rng, ("clouds", "grains")), (2.0, 2.0))
    return [Plane(np.array([0, 0, 1.0]), 0.0, np.array([1.0, 0, 0]), grass, CATEGORIES["grass"])]


def _room(rng: np.random.Generator, main: Sequence[Body]) -> list[Plane]:
    """A floor, a wall behind, and one at the side; what the photo is of stands before them."""
    floor, wall = (
        random_material(rng, _STUFF, (0.4, 1.5), (0.0, 0.5), (0.3, 0.9)) for _ in range(2)
    )
    far, spin = between(rng, 1.6, 3.5), between(rng, -0.4, 0.4)
    planes = [Plane(np.array([0, 0, 1.0]), 0.0, np.array([1.0, 0, 0]), floor, CATEGORIES["floor"])]
    for angle in (spin, spin + (pi / 2 if spin < 0 else -pi / 2)):
        normal, across = (
            np.array([sin(angle), -cos(angle), 0.0]),
            np.array([cos(angle), sin(angle)]),
        )
        plane = Plane(normal, -far, np.append(across, 0.0), wall, CATEGORIES["wall"])
        planes.append(replace(plane, offset=-far + min(0.0, _clearance(main, plane))))
    return planes


def _clearance(parts: Sequence[Body], plane: Plane) -> float:
    """How far a thing is in front of a plane, at least; negative if it may stick in it."""
    normal = plane.normal
    reach = (normal @ part.position - np.abs(normal) @ part.extent() for part in parts)
    return float(min(reach)) - plane.offset


def _light(rng: np.random.Generator, look: Look, outside: bool) -> Light:
    """The sun, from behind or beside the camera, or a lamp."""
    share, angle, x, y = (rng.random() for _ in range(4))
    if not outside:
        return Lamp(np.array([3 * x - 1.5, -1 - 2 * y, 2.6]), 4.0)
    low, high = (sin(radians(e)) for e in look.elevation)
    rise, around = asin(low + (high - low) * share), pi * (1.2 * angle - 1.1)
    return Sun(np.array([cos(around) * cos(rise), sin(around) * cos(rise), sin(rise)]))


photo = Scenery(photo_scene, SKY, PHOTO_CLASSES)
"""Photos."""
