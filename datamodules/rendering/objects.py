"""Object-centred views with labels: a pretext that stands in for ImageNet's classification."""

from dataclasses import dataclass
from math import cos, pi, radians, sin
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from datamodules.rendering.bodies import Body, Plane
from datamodules.rendering.camera import Camera, turn, unit
from datamodules.rendering.lights import Lamp, Light, Sun
from datamodules.rendering.looks import Colour, Look
from datamodules.rendering.materials import (
    Material,
    between,
    from_hsv,
    pick,
    random_material,
    shaded,
)
from datamodules.rendering.shade import Scene, render
from datamodules.rendering.shapes import SHAPES, assemble

MATERIALS: tuple[str, ...] = ("matte", "glossy", "checker", "stripes", "speckle", "bricks")
# Hue in degrees, saturation, value.
_TONES: dict[str, tuple[float, float, float]] = {
    "red": (0.0, 0.85, 0.85),
    "orange": (27.0, 0.9, 0.95),
    "yellow": (54.0, 0.85, 0.95),
    "green": (120.0, 0.7, 0.7),
    "cyan": (182.0, 0.75, 0.85),
    "blue": (224.0, 0.8, 0.85),
    "purple": (285.0, 0.65, 0.75),
    "white": (0.0, 0.0, 0.92),
}
COLOURS: tuple[str, ...] = tuple(_TONES)
_BACKGROUNDS: tuple[str, ...] = (
    *("plain", "checker", "stripes", "bricks", "tiles", "planks"),
    *("speckle", "clouds", "grains", "dots", "waves"),
)


class ObjectKind(NamedTuple):
    """What a thing shall be, in the words of `SHAPES`, `MATERIALS` and `COLOURS`; None for any."""

    shape: str | None = None
    material: str | None = None
    colour: str | None = None

    @property
    def name(self) -> str:
        """Such as `red glossy cup`."""
        return " ".join(filter(None, (self.colour, self.material, self.shape)))


ANYTHING = ObjectKind()


@dataclass(frozen=True)
class ObjectView:
    """A picture of one thing; labels are places in `SHAPES`, `MATERIALS` and `COLOURS`."""

    image: UInt8[np.ndarray, "height width 3"]
    shape: int
    material: int
    colour: int


def object_view(
    rng: np.random.Generator, size: tuple[int, int], kind: ObjectKind = ANYTHING
) -> ObjectView:
    """One thing near the centre of an image of `size` (height, width), amid clutter."""
    shape, material, colour = (
        int(rng.integers(len(words))) if word is None else words.index(word)
        for word, words in zip(kind, (SHAPES, MATERIALS, COLOURS), strict=True)
    )
    scene = _scene(rng, SHAPES[shape], coat(rng, MATERIALS[material], COLOURS[colour]))
    return ObjectView(render(scene, size, rng)[1], shape, material, colour)


def coat(rng: np.random.Generator, material: str, colour: str) -> Material:
    """A material of a family in one of the eight colours; the second colour is dark or light."""
    hue, saturation, value = _TONES[colour]
    main = from_hsv(
        hue + between(rng, -7.0, 7.0),
        saturation * between(rng, 0.85, 1.1),
        value * between(rng, 0.9, 1.05),
    )
    dark = rng.random() < 0.6 or colour in ("white", "yellow")
    second = shaded(main, 0.12) if dark else (0.85, 0.85, 0.8)
    density, phase = between(rng, 1.4, 2.6), (rng.random(), rng.random())
    densities = (density, density)
    if material in ("matte", "glossy"):
        gloss = between(rng, 0.7, 1.1) if material == "glossy" else 0.0
        return Material(main, main, "plain", densities, phase, gloss)
    if material == "speckle":
        densities = (density * 0.5, density * 0.5)
    if material == "bricks":
        second = (0.7, 0.68, 0.62) if colour != "white" else shaded(main, 0.2)
    return Material(main, second, material, densities, phase)


def _scene(rng: np.random.Generator, shape: str, material: Material) -> Scene:
    yaw = between(rng, -pi, pi)
    tilted = rng.random() < 0.2
    tilt = (between(rng, -1.0, 1.0), between(rng, -1.0, 1.0))
    pose = turn(yaw, *tilt) if tilted else turn(yaw)
    bodies = assemble(shape, rng, material, pose)
    height = max(float(part.position[2] + part.extent()[2]) for part in bodies)

    elevation, field = radians(between(rng, 3.0, 52.0)), radians(between(rng, 25.0, 50.0))
    distance = between(rng, 0.6, 1.1) / sin(field / 2.0)
    centre = np.array([between(rng, -0.25, 0.25), 0.0, height / 2 + between(rng, -0.2, 0.2)])
    away = np.array([0.0, -cos(elevation), sin(elevation)])
    camera = Camera.look_at(
        centre + distance * away, centre, field, radians(between(rng, -20.0, 20.0))
    )
    bodies += _clutter(rng)
    return Scene(camera, _light(rng), _look(rng), _stage(rng), bodies)


def _clutter(rng: np.random.Generator) -> list[Body]:
    """Up to three smaller things around, before or behind the main one."""
    bodies = []
    for _ in range(int(rng.integers(0, 4))):
        material = random_material(rng, _BACKGROUNDS, (1.5, 4.0), (0.2, 0.9), (0.3, 0.95))
        angle, size = between(rng, -pi, pi), between(rng, 0.25, 0.5)
        # In front of the thing only small clutter, and to the side, so that the thing stays seen.
        far = between(rng, 1.1, 2.0) + (0.3 if sin(angle) < 0 else 0.0)
        place = np.array([far * cos(angle), far * sin(angle), 0.0])
        primitive = pick(rng, ("sphere", "box", "cylinder", "cone", "pyramid", "capsule"))
        parts = assemble(primitive, rng, material, turn(between(rng, -pi, pi)))
        bodies += [part.moved(np.eye(3), size, place) for part in parts]
    return bodies


def _stage(rng: np.random.Generator) -> list[Plane]:
    """A floor, and mostly one or two walls behind."""
    floor = random_material(rng, _BACKGROUNDS, (0.25, 1.2), (0.0, 0.6), (0.25, 0.95))
    spin = between(rng, -pi, pi)
    planes = [Plane(np.array([0, 0, 1.0]), 0.0, np.array([cos(spin), sin(spin), 0]), floor)]
    walls, far, spin = int(rng.integers(0, 3)), between(rng, 1.8, 5.0), between(rng, -0.7, 0.7)
    for number in range(walls):
        wall = random_material(rng, _BACKGROUNDS, (0.25, 1.2), (0.0, 0.6), (0.25, 0.95))
        angle = spin if number == 0 else spin + (pi / 2 if spin < 0 else -pi / 2)
        normal = np.array([sin(angle), -cos(angle), 0.0])
        planes.append(Plane(normal, -far, np.array([cos(angle), sin(angle), 0.0]), wall))
    return planes


def _light(rng: np.random.Generator) -> Light:
    angle, rise = between(rng, -pi, pi), radians(between(rng, 20.0, 80.0))
    direction = unit(np.array([cos(angle) * cos(rise), sin(angle) * cos(rise), sin(rise)]))
    distance, point = between(rng, 3.0, 6.0), rng.random() < 0.5
    return Lamp(direction * distance, distance * 1.5) if point else Sun(direction)


def _look(rng: np.random.Generator) -> Look:
    strength, fill = between(rng, 0.7, 1.2), between(rng, 0.25, 0.5)
    light = _tint(rng, strength)
    sky = from_hsv(between(rng, 0.0, 360.0), between(rng, 0.0, 0.5), between(rng, 0.3, 0.95))
    return Look(
        light=light,
        ambient=_tint(rng, fill),
        elevation=(20.0, 80.0),
        lamp=(1.0, 1.0),
        zenith=shaded(sky, between(rng, 0.4, 1.2)),
        horizon=sky,
        haze=between(rng, 60.0, 400.0),
        glow=0.0,
        exposure=between(rng, 0.8, 1.3),
        noise=between(rng, 0.005, 0.03),
    )


def _tint(rng: np.random.Generator, strength: float) -> Colour:
    """Light of a strength, from cool to warm."""
    warm = between(rng, -0.16, 0.16)
    return strength * (1 + warm), strength, strength * (1 - warm)
