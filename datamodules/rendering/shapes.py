"""The shapes of the object-centred views: single solids, and things put together from them.

Each function gives the parts of one shape in its own frame, z up, in any unit and place;
`assemble` brings it to a common size. Proportions vary; the material is the same throughout, so
that only the form tells the shape.
"""

from collections.abc import Callable
from dataclasses import replace
from math import cos, pi, sin

import numpy as np

from datamodules.rendering.bodies import UPRIGHT, Body, body
from datamodules.rendering.camera import Rotation, turn
from datamodules.rendering.materials import Material, between
from datamodules.rendering.primitives import (
    BOX,
    CONE,
    CYLINDER,
    PRISM,
    PYRAMID,
    SPHERE,
    Frustum,
    Solid,
    Torus,
)

ORIGIN = (0.0, 0.0, 0.0)
LYING = turn(0.0, pi / 2.0)  # The z axis turned to x.
FACING = turn(0.0, 0.0, pi / 2.0)  # The z axis turned to -y.
_BARE = Material((1.0, 1.0, 1.0), (1.0, 1.0, 1.0))

Triple = tuple[float, float, float]
Builder = Callable[[np.random.Generator], list[Body]]


def _part(solid: Solid, place: Triple, scale: Triple, rotation: Rotation = UPRIGHT) -> Body:
    """A part that is still to be painted."""
    return body(solid, place, scale, _BARE, rotation=rotation)


def _single(solid: Solid, tall: tuple[float, float]) -> Builder:
    def build(rng: np.random.Generator) -> list[Body]:
        return [_part(solid, ORIGIN, (1.0, 1.0, between(rng, *tall)))]

    return build


def _box(rng: np.random.Generator) -> list[Body]:
    return [_part(BOX, ORIGIN, (1.0, between(rng, 0.7, 1.0), between(rng, 0.6, 1.1)))]


def _legs(x: float, y: float, height: float, thick: float) -> list[Body]:
    """Four legs from the floor to `height` at (±x, ±y)."""
    scale = (thick, thick, height / 2.0)
    return [_part(BOX, (i * x, j * y, height / 2), scale) for i in (-1, 1) for j in (-1, 1)]


def _table(rng: np.random.Generator) -> list[Body]:
    height, width = between(rng, 0.8, 1.2), between(rng, 0.6, 0.9)
    top = _part(BOX, (0.0, 0.0, height), (1.0, width, 0.08))
    return [top, *_legs(0.88, width - 0.12, height, 0.08)]


def _chair(rng: np.random.Generator) -> list[Body]:
    seat, back = between(rng, 0.7, 0.9), between(rng, 0.5, 0.75)
    return [
        _part(BOX, (0.0, 0.0, seat), (0.5, 0.5, 0.07)),
        _part(BOX, (-0.44, 0.0, seat + back), (0.07, 0.5, back)),
        *_legs(0.42, 0.42, seat, 0.07),
    ]


def _bed(rng: np.random.Generator) -> list[Body]:
    length, head = between(rng, 0.95, 1.2), between(rng, 0.5, 0.65)
    return [
        _part(BOX, (0.0, 0.0, 0.36), (length, 0.6, 0.13)),
        _part(BOX, (-length, 0.0, head), (0.07, 0.62, head)),
        _part(BOX, (length, 0.0, 0.32), (0.07, 0.62, 0.32)),
        _part(BOX, (0.3 - length, 0.0, 0.54), (0.18, 0.42, 0.07)),
    ]


def _pot(rng: np.random.Generator) -> list[Body]:
    tall, ring = between(rng, 0.45, 0.65), between(rng, 0.36, 0.42)
    # Two handles, so that at least one shows from everywhere.
    handles = [_part(Torus(0.28), (x, 0.0, 0.1), (ring, ring, ring), FACING) for x in (-0.72, 0.72)]
    return [_part(Frustum(0.85, 1.0), ORIGIN, (0.7, 0.7, tall)), *handles]


def _snowman(rng: np.random.Generator) -> list[Body]:
    middle, head = between(rng, 0.4, 0.46), between(rng, 0.26, 0.32)
    sizes = (0.6, middle, head)
    heights = (0.6, 1.05 + middle, 1.0 + 1.8 * middle + head)
    places = zip(heights, sizes, strict=True)
    return [_part(SPHERE, (0.0, 0.0, z), (size, size, size)) for z, size in places]


def _lamp(rng: np.random.Generator) -> list[Body]:
    tall, wide = between(rng, 1.0, 1.4), between(rng, 0.5, 0.65)
    return [
        _part(CYLINDER, (0.0, 0.0, 0.06), (0.42, 0.42, 0.06)),
        _part(CYLINDER, (0.0, 0.0, tall / 2.0), (0.07, 0.07, tall / 2.0)),
        _part(Frustum(1.0, 0.55), (0.0, 0.0, tall + 0.2), (wide, wide, 0.32)),
    ]


def _tree(rng: np.random.Generator) -> list[Body]:
    trunk, wide = between(rng, 0.45, 0.6), between(rng, 0.6, 0.75)
    parts = [_part(CYLINDER, (0.0, 0.0, trunk / 2.0), (0.12, 0.12, trunk / 2.0))]
    for tier in range(3):
        size = wide * (1 - 0.22 * tier)
        parts.append(_part(CONE, (0.0, 0.0, trunk + 0.3 + 0.5 * tier), (size, size, 0.36)))
    return parts


def _house(rng: np.random.Generator) -> list[Body]:
    wall, roof, long = between(rng, 0.4, 0.6), between(rng, 0.3, 0.42), between(rng, 0.75, 1.0)
    return [
        _part(BOX, (0.0, 0.0, wall), (0.7, long, wall)),
        _part(PRISM, (0.0, 0.0, 2 * wall + roof), (0.88, long * 1.1, roof)),
        _part(BOX, (0.35, 0.4 * long, 2 * wall + roof), (0.1, 0.1, roof * 1.2)),
    ]


def _dumbbell(rng: np.random.Generator) -> list[Body]:
    size, far = between(rng, 0.38, 0.48), between(rng, 0.75, 1.0)
    ends = [_part(SPHERE, (x, 0.0, 0.0), (size, size, size)) for x in (-far, far)]
    return [_part(CYLINDER, ORIGIN, (0.14, 0.14, far), LYING), *ends]


def _arch(rng: np.random.Generator) -> list[Body]:
    tall, thick = between(rng, 0.6, 0.85), between(rng, 0.2, 0.28)
    posts = [_part(BOX, (x, 0.0, tall), (thick, 0.3, tall)) for x in (-0.7, 0.7)]
    return [_part(BOX, (0.0, 0.0, 2 * tall + 0.18), (1.0, 0.32, 0.18)), *posts]


def _rocket(rng: np.random.Generator) -> list[Body]:
    tall, nose = between(rng, 0.7, 0.9), between(rng, 0.3, 0.4)
    fins = [
        _part(PRISM, (0.42 * cos(a), 0.42 * sin(a), 0.3), (0.36, 0.05, 0.36), turn(a))
        for a in (0.0, pi / 2, pi, 3 * pi / 2)
    ]
    return [
        _part(CYLINDER, (0.0, 0.0, tall + 0.15), (0.32, 0.32, tall)),
        _part(CONE, (0.0, 0.0, 2 * tall + 0.15 + nose), (0.32, 0.32, nose)),
        *fins,
    ]


def _mushroom(rng: np.random.Generator) -> list[Body]:
    stem, cap = between(rng, 0.4, 0.55), between(rng, 0.3, 0.42)
    return [
        _part(Frustum(1.0, 0.7), (0.0, 0.0, stem), (0.27, 0.27, stem)),
        _part(SPHERE, (0.0, 0.0, 2 * stem), (0.75, 0.75, cap)),
    ]


def _stack(rng: np.random.Generator) -> list[Body]:
    parts, height = [], 0.0
    for size in (0.7, 0.5, 0.32):
        half = size * between(rng, 0.45, 0.65)
        spin = turn(between(rng, -0.6, 0.6))
        place, scale = (0.0, 0.0, height + half), (size, size, half)
        parts.append(_part(BOX, place, scale, spin))
        height += 2 * half
    return parts


def _cross(rng: np.random.Generator) -> list[Body]:
    thick, arm, up = between(rng, 0.17, 0.24), between(rng, 0.55, 0.75), between(rng, 0.1, 0.4)
    return [
        _part(BOX, ORIGIN, (thick, thick, 1.0)),
        _part(BOX, (0.0, 0.0, up), (arm, thick * 0.98, thick)),
    ]


def _hourglass(rng: np.random.Generator) -> list[Body]:
    wide, neck = between(rng, 0.55, 0.7), between(rng, 0.08, 0.2)
    return [
        _part(Frustum(1.0, neck), (0.0, 0.0, 0.5), (wide, wide, 0.5)),
        _part(Frustum(neck, 1.0), (0.0, 0.0, 1.5), (wide, wide, 0.5)),
    ]


def _capsule(rng: np.random.Generator) -> list[Body]:
    half = between(rng, 0.5, 0.8)
    ends = [_part(SPHERE, (x, 0.0, 0.0), (0.45, 0.45, 0.45)) for x in (-half, half)]
    return [_part(CYLINDER, ORIGIN, (0.45, 0.45, half), LYING), *ends]


def _stairs(rng: np.random.Generator) -> list[Body]:
    rise, run, wide = between(rng, 0.14, 0.2), between(rng, 0.2, 0.26), between(rng, 0.4, 0.6)
    return [
        _part(BOX, (step * run, 0.0, rise * step), (run / 2, wide, rise * step))
        for step in range(1, 6)
    ]


def _car(rng: np.random.Generator) -> list[Body]:
    long, cabin, wheel = between(rng, 0.9, 1.1), between(rng, 0.45, 0.6), between(rng, 0.2, 0.25)
    wheels = [
        _part(CYLINDER, (x, y, wheel), (wheel, wheel, 0.08), FACING)
        for x in (-0.6 * long, 0.6 * long)
        for y in (-0.44, 0.44)
    ]
    return [
        _part(BOX, (0.0, 0.0, wheel + 0.18), (long, 0.42, 0.19)),
        _part(BOX, (-0.1, 0.0, wheel + 0.52), (cabin, 0.37, 0.17)),
        *wheels,
    ]


def _vase(rng: np.random.Generator) -> list[Body]:
    belly, neck = between(rng, 0.45, 0.58), between(rng, 0.15, 0.22)
    return [
        _part(SPHERE, (0.0, 0.0, 0.5), (belly, belly, 0.5)),
        _part(CYLINDER, (0.0, 0.0, 1.05), (neck, neck, 0.25)),
        _part(Frustum(neck / 0.42, 1.0), (0.0, 0.0, 1.38), (0.42, 0.42, 0.14)),
    ]


BUILDERS: dict[str, Builder] = {
    "sphere": _single(SPHERE, (1.0, 1.0)),
    "box": _box,
    "cylinder": _single(CYLINDER, (0.8, 1.5)),
    "cone": _single(CONE, (0.9, 1.4)),
    "pyramid": _single(PYRAMID, (0.8, 1.2)),
    "ring": lambda rng: [_part(Torus(between(rng, 0.2, 0.3)), ORIGIN, (1.0, 1.0, 1.0))],
}
BUILDERS |= {
    build.__name__.removeprefix("_"): build
    for build in (
        *(_capsule, _table, _chair, _bed, _pot, _snowman, _lamp, _tree, _house, _dumbbell),
        *(_arch, _rocket, _mushroom, _stack, _cross, _hourglass, _stairs, _car, _vase),
    )
}
SHAPES: tuple[str, ...] = tuple(BUILDERS)


def assemble(name: str, rng: np.random.Generator, material: Material, pose: Rotation) -> list[Body]:
    """The shape `name`, turned by `pose`, of radius 1 about its axis, standing on z = 0.

    Parts differ a little in brightness, as painted parts of one thing do.
    """
    parts = [part.moved(pose, 1.0, np.zeros(3)) for part in BUILDERS[name](rng)]
    low = np.min([part.position - part.extent() for part in parts], axis=0)
    high = np.max([part.position + part.extent() for part in parts], axis=0)
    foot = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]])
    factor = 2 / float(np.linalg.norm(high - low))
    still = np.eye(3)
    placed = (part.moved(still, factor, -foot * factor) for part in parts)
    return [replace(part, material=material.brightened(between(rng, 0.6, 1.15))) for part in placed]
