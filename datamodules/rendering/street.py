"""Streets: a road between pavements and façades, with cars, trees, poles, signs and people."""

from dataclasses import replace
from math import asin, cos, pi, radians, sin

import numpy as np

from datamodules.rendering.bodies import Body, Plane, body
from datamodules.rendering.camera import Camera, turn
from datamodules.rendering.frame import Scenery
from datamodules.rendering.lights import Sun
from datamodules.rendering.looks import Look
from datamodules.rendering.materials import (
    Material,
    between,
    from_hsv,
    pick,
    random_material,
    shaded,
)
from datamodules.rendering.primitives import BOX, CONE, CYLINDER, PRISM, SPHERE
from datamodules.rendering.shade import Scene

# Train ids by place; colours after Okabe and Ito, which people with any colour vision tell apart.
STREET_CLASSES: tuple[tuple[str, tuple[int, int, int]], ...] = (
    ("road", (100, 100, 100)),
    ("sidewalk", (204, 121, 167)),
    ("building", (213, 94, 0)),
    ("pole", (0, 0, 0)),
    ("sign", (240, 228, 66)),
    ("tree", (0, 158, 115)),
    ("person", (230, 25, 75)),
    ("car", (0, 114, 178)),
    ("sky", (86, 180, 233)),
)
ROAD, SIDEWALK, BUILDING, POLE, SIGN, TREE, PERSON, CAR, SKY = range(len(STREET_CLASSES))

_KERB = 0.14
_END = 78.0
_FACING = turn(0.0, 0.0, pi / 2.0)


def street_scene(rng: np.random.Generator, look: Look) -> Scene:
    """The layout, which consumes the same random numbers whatever the look.

    The street runs along y from behind the camera, which stands near the origin.
    """
    half = between(rng, 3.4, 5.5)
    pavement = between(rng, 2.2, 4.5)
    camera = _camera(rng, half)
    ground = _ground(rng, half)
    bodies = [*_pavements(rng, half)]
    for side in (-1, 1):
        bodies += _facades(rng, side, half + pavement)
        bodies += _kerbside(rng, side, half)
        bodies += _people(rng, side, half, pavement)
    bodies += _far_end(rng)
    bodies += _cars(rng, half)
    share, angle = rng.random(), rng.random()
    low, high = (sin(radians(e)) for e in look.elevation)
    rise, around = asin(low + (high - low) * share), 2 * pi * angle
    sun = Sun(np.array([cos(around) * cos(rise), sin(around) * cos(rise), sin(rise)]))
    return Scene(camera, sun, look, [ground], bodies)


def _camera(rng: np.random.Generator, half: float) -> Camera:
    position = np.array([half * between(rng, 0.1, 0.6), 0.0, between(rng, 1.3, 2.0)])
    yaw, pitch = between(rng, -0.16, 0.12), radians(between(rng, -5.0, 2.0))
    forward = np.array([sin(yaw) * cos(pitch), cos(yaw) * cos(pitch), sin(pitch)])
    field, roll = radians(between(rng, 62.0, 85.0)), radians(between(rng, -1.5, 1.5))
    return Camera.look_at(position, position + forward, field, roll)


def _grey(rng: np.random.Generator, low: float, high: float) -> tuple[float, float, float]:
    return from_hsv(between(rng, 0.0, 360.0), between(rng, 0.0, 0.08), between(rng, low, high))


def _ground(rng: np.random.Generator, half: float) -> Plane:
    """The road is the plane z = 0; the pavements stand on it. One tile is the road's width."""
    grey, dashes = _grey(rng, 0.28, 0.45), 1 / between(rng, 5.0, 9.0)
    asphalt = Material(grey, (0.8, 0.8, 0.75), "lanes", (0.5 / half, dashes), (0.5, rng.random()))
    return Plane(np.array([0, 0, 1.0]), 0.0, np.array([1.0, 0, 0]), asphalt, ROAD)


def _pavements(rng: np.random.Generator, half: float) -> list[Body]:
    density = between(rng, 0.2, 0.5)
    slabs = Material(_grey(rng, 0.5, 0.75), _grey(rng, 0.3, 0.5), "tiles", (density, density))
    wide, long = 30.0, 70.0
    slab = body(BOX, (half + wide, 20.0, 0.0), (wide, long, _KERB), slabs, SIDEWALK)
    slab = replace(slab, casts=False)
    return [slab, replace(slab, position=slab.position * np.array([-1, 1, 1]))]


def _plaster(rng: np.random.Generator, floor: float, half: float) -> Material:
    """A façade of windows; `floor` is the height of a storey, `half` that of half a building."""
    wall = from_hsv(between(rng, 0.0, 70.0), between(rng, 0.05, 0.5), between(rng, 0.45, 0.95))
    pane = from_hsv(210.0, between(rng, 0.1, 0.5), between(rng, 0.2, 0.45))
    density = (0.5 / between(rng, 2.0, 3.4), 0.5 / floor)
    # The windows' pattern starts at the foot of the wall, half a building below its centre.
    phase, glow = (rng.random(), half * density[1]), max(between(rng, -0.6, 1.0), 0.0)
    return Material(wall, pane, "windows", density, phase, glow=glow)


def _facades(rng: np.random.Generator, side: int, line: float) -> list[Body]:
    """A row of buildings behind `line`, here and there with a gap."""
    bodies, y = [], -6.0
    while y < _END - 10:
        long, storeys = between(rng, 7.0, 16.0), int(rng.integers(2, 7))
        floor, deep = between(rng, 2.7, 3.4), between(rng, 4.0, 7.0)
        back, gap = between(rng, 0.0, 1.5), max(between(rng, -5.0, 5.0), 0.0)
        half = storeys * floor / 2
        front = _plaster(rng, floor, half)
        centre = (side * (line + back + deep), y + long / 2, half)
        bodies.append(body(BOX, centre, (deep, long / 2.0, half), front, BUILDING))
        if rng.random() < 0.35:
            saturation, value = (0.3, 0.7), (0.35, 0.65)
            red = from_hsv(between(rng, 0.0, 25.0), between(rng, *saturation), between(rng, *value))
            tiles = Material(red, (0.1, 0.05, 0.05), "tiles", (0.4, 0.4))
            top = (centre[0], centre[1], 2 * half + 1.3)
            scale = (deep * 1.05, long / 2 * 1.02, 1.3)
            bodies.append(body(PRISM, top, scale, tiles, BUILDING))
        y += long + gap
    return bodies


def _far_end(rng: np.random.Generator) -> list[Body]:
    """What closes the street: buildings across it, so that no surface is farther than the end."""
    bodies, x = [], -70.0
    while x < 70:
        wide, storeys = between(rng, 8.0, 20.0), int(rng.integers(1, 7))
        half = storeys * 1.5
        front = _plaster(rng, 3.0, half)
        place, scale = (x + wide / 2.0, _END + 3.0, half), (wide / 2.0, 3.0, half)
        bodies.append(body(BOX, place, scale, front, BUILDING))
        x += wide
    return bodies


def _kerbside(rng: np.random.Generator, side: int, half: float) -> list[Body]:
    """Trees, lamp posts and signs along the kerb."""
    bodies: list[Body] = []
    y, trees = between(rng, 4.0, 12.0), rng.random() < 0.7
    while y < 52:
        x = side * (half + between(rng, 0.5, 0.9))
        place = np.array([x, y, _KERB])
        kind = rng.random()
        if trees and kind < 0.55:
            parts = _tree(rng)
        elif kind < 0.8:
            parts = _post(rng, side)
        else:
            parts = _sign(rng)
        bodies += [part.moved(np.eye(3), 1.0, place) for part in parts]
        y += between(rng, 5.0, 12.0)
    return bodies


def _tree(rng: np.random.Generator) -> list[Body]:
    bark = Material((0.12, 0.07, 0.04), (0.05, 0.03, 0.02), "grains", (2.0, 2.0))
    green = from_hsv(between(rng, 70.0, 130.0), between(rng, 0.4, 0.8), between(rng, 0.35, 0.65))
    leaves = Material(green, shaded(green, 0.25), "clouds", (0.6, 0.6))
    trunk, wide = between(rng, 1.8, 2.6), between(rng, 1.0, 1.9)
    parts = [body(CYLINDER, (0.0, 0.0, trunk / 2.0), (0.13, 0.13, trunk / 2.0), bark, TREE)]
    if rng.random() < 0.3:
        tall = between(rng, 1.6, 2.6)
        parts.append(body(CONE, (0.0, 0.0, trunk * 0.6 + tall), (wide, wide, tall), leaves, TREE))
    else:
        tall = wide * between(rng, 0.8, 1.3)
        parts.append(body(SPHERE, (0.0, 0.0, trunk + tall * 0.7), (wide, wide, tall), leaves, TREE))
        side, small = between(rng, -pi, pi), 0.65 * wide
        offset = (0.6 * wide * cos(side), 0.6 * wide * sin(side), trunk + tall * 0.5)
        parts.append(body(SPHERE, offset, (small, small, small), leaves, TREE))
    return parts


def _post(rng: np.random.Generator, side: int) -> list[Body]:
    """A lamp post whose arm reaches over the road."""
    metal = Material(_grey(rng, 0.25, 0.6), (0.1, 0.1, 0.1), "grains", (1.0, 1.0), gloss=0.3)
    tall = between(rng, 4.5, 7.0)
    return [
        body(CYLINDER, (0.0, 0.0, tall / 2.0), (0.09, 0.09, tall / 2.0), metal, POLE),
        body(BOX, (-side * 0.7, 0.0, tall), (0.75, 0.06, 0.05), metal, POLE),
        body(BOX, (-side * 1.4, 0.0, tall - 0.08), (0.3, 0.12, 0.07), metal, POLE),
    ]


def _sign(rng: np.random.Generator) -> list[Body]:
    """A round or square plate on a pole, facing the camera's way."""
    metal = Material(_grey(rng, 0.4, 0.7), (0.2, 0.2, 0.2), "grains", (1.0, 1.0))
    colour = from_hsv(float(rng.choice([0, 50, 215])), 0.9, between(rng, 0.7, 0.95))
    plate = Material(
        colour, (0.85, 0.85, 0.85), pick(rng, ("plain", "stripes", "dots")), (1.0, 1.0)
    )
    tall, size = between(rng, 2.1, 2.8), between(rng, 0.4, 0.6)
    solid, width = (CYLINDER, size) if rng.random() < 0.5 else (BOX, 0.9 * size)
    return [
        body(CYLINDER, (0.0, 0.0, tall / 2.0), (0.06, 0.06, tall / 2.0), metal, POLE),
        body(solid, (0.0, -0.1, tall), (width, width, 0.03), plate, SIGN, _FACING),
    ]


def _people(rng: np.random.Generator, side: int, half: float, pavement: float) -> list[Body]:
    bodies = []
    for _ in range(int(rng.integers(2, 5))):
        x = side * (half + between(rng, 0.35, 0.9) * pavement)
        place = np.array([x, between(rng, 4.5, 24.0), _KERB])
        if rng.random() < 0.12:
            place[0] = between(rng, -0.9, 0.9) * half
            place[2] = 0.0
        bodies += [
            part.moved(turn(between(rng, -pi, pi)), between(rng, 0.9, 1.1), place)
            for part in _person(rng)
        ]
    return bodies


def _person(rng: np.random.Generator) -> list[Body]:
    coat = random_material(rng, ("plain", "stripes", "plain"), (2.0, 3.0), (0.2, 0.9), (0.3, 0.95))
    cloth = random_material(rng, ("plain",), (2.0, 3.0), (0.1, 0.6), (0.15, 0.6))
    skin = from_hsv(between(rng, 18.0, 32.0), between(rng, 0.3, 0.6), between(rng, 0.4, 0.95))
    stride = between(rng, 0.05, 0.16)
    legs = turn(0.0, 0.0, stride), turn(0.0, 0.0, -stride)
    return [
        body(CYLINDER, (0.1, stride, 0.4), (0.09, 0.09, 0.4), cloth, PERSON, legs[0]),
        body(CYLINDER, (-0.1, -stride, 0.4), (0.09, 0.09, 0.4), cloth, PERSON, legs[1]),
        body(SPHERE, (0.0, 0.0, 1.12), (0.27, 0.18, 0.42), coat, PERSON),
        body(SPHERE, (0.0, 0.0, 1.62), (0.13, 0.14, 0.16), Material(skin, skin), PERSON),
    ]


def _cars(rng: np.random.Generator, half: float) -> list[Body]:
    """Cars that drive ahead and towards us, and parked ones at the kerb."""
    bodies: list[Body] = []
    for lane in (-half + 1.05, -half * 0.4, half * 0.45, half - 1.05):
        parked = abs(lane) > half - 1.5
        y = between(rng, 6.0, 14.0)
        while y < 48:
            if rng.random() < (0.5 if parked else 0.25):
                heading = (pi / 2 if lane > 0 else -pi / 2.0) + between(rng, -0.06, 0.06)
                place = np.array([lane + between(rng, -0.1, 0.1), y, 0.0])
                bodies += [part.moved(turn(heading), 1.0, place) for part in _car(rng)]
            y += between(rng, 5.5, 12.0)
    return bodies


def _car(rng: np.random.Generator) -> list[Body]:
    """A car that heads for +x."""
    paint = random_material(rng, ("plain",), (1.0, 2.0), (0.0, 0.9), (0.25, 0.95))
    paint = replace(paint, second=paint.colour, gloss=between(rng, 0.5, 1.0))
    glass = Material((0.03, 0.04, 0.05), (0.03, 0.04, 0.05), gloss=1.0)
    rubber = Material((0.02, 0.02, 0.02), (0.05, 0.05, 0.05), "grains")
    light = Material((0.8, 0.1, 0.05), (0.8, 0.1, 0.05))
    long, tall, cabin = between(rng, 1.9, 2.3), between(rng, 0.28, 0.36), between(rng, 1.0, 1.3)
    wheels = [
        body(CYLINDER, (i * 0.62 * long, j * 0.78, 0.32), (0.32, 0.32, 0.1), rubber, CAR, _FACING)
        for i in (-1, 1)
        for j in (-1, 1)
    ]
    lamps = body(BOX, (-long, 0.0, 0.4 + tall), (0.03, 0.76, 0.07), light, CAR)
    roof = 0.3 + 2 * tall + 0.26
    return [
        body(BOX, (0.0, 0.0, 0.3 + tall), (long, 0.85, tall), paint, CAR),
        body(BOX, (-0.2, 0.0, roof), (cabin, 0.72, 0.26), glass, CAR),
        body(BOX, (-0.2, 0.0, roof + 0.28), (cabin * 0.85, 0.7, 0.04), paint, CAR),
        *wheels,
        lamps,
    ]


street = Scenery(street_scene, SKY, STREET_CLASSES)
"""Streets seen from a car."""
