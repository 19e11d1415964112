"""People of simple solids, in a pose, with parts of their own categories."""

from __future__ import annotations

from math import cos, sin

import numpy as np

from datamodules.rendering.bodies import Body, body
from datamodules.rendering.camera import Vector, along
from datamodules.rendering.materials import Material, between, from_hsv, random_material, shaded
from datamodules.rendering.primitives import CYLINDER, SPHERE, Frustum

PARTS: tuple[str, ...] = (*("head", "torso", "upper arm", "lower arm", "upper leg", "lower leg"),)
"""In the order of their categories."""

_HIP, _SHOULDER, _HEAD = 0.92, 1.42, 1.63


class Clothes:
    """What a person wears, and the colours of skin and hair."""

    def __init__(self, rng: np.random.Generator) -> None:
        tiles, dull, bright = (2.0, 5.0), (0.1, 0.9), (0.3, 0.95)
        self.coat = random_material(rng, ("plain", "stripes", "checker"), tiles, dull, bright)
        self.cloth = random_material(rng, ("plain", "plain", "grains"), tiles, dull, (0.15, 0.7))
        skin = from_hsv(between(rng, 16.0, 30.0), between(rng, 0.25, 0.6), between(rng, 0.35, 0.95))
        hair = from_hsv(between(rng, 10.0, 45.0), between(rng, 0.1, 0.8), between(rng, 0.05, 0.7))
        self.skin, self.hair = Material(skin, skin), Material(hair, shaded(hair, 0.5), "grains")
        bare = rng.random() < 0.4
        self.sleeve = self.skin if bare else self.coat


def figure(rng: np.random.Generator, first: int) -> list[Body]:
    """A person who faces -y and stands on z = 0, about 1.75 m tall when upright.

    Args:
        rng: Gives pose and clothes.
        first: Category of the head; those of the other parts follow, in the order of `PARTS`.
    """
    head, torso, upper_arm, lower_arm, upper_leg, lower_leg = range(first, first + len(PARTS))
    worn = Clothes(rng)
    parts = [*_head(worn, head), *_torso(worn, torso)]
    stride = between(rng, -0.5, 0.5)
    for side in (-1, 1):
        hip = np.array([0.1 * side, 0.0, _HIP])
        thigh = side * stride
        knee = hip + 0.42 * swung(thigh, 0.06 * side)
        ankle = knee + 0.42 * swung(thigh - between(rng, 0.0, 0.5), 0.02 * side)
        parts += limb(hip, knee, (0.1, 0.075), worn.cloth, upper_leg)
        parts += limb(knee, ankle, (0.075, 0.05), worn.cloth, lower_leg)
        foot = ankle + np.array([0.0, -0.07, -0.05])
        parts.append(body(SPHERE, foot, (0.055, 0.13, 0.05), worn.hair, lower_leg))
        shoulder = np.array([0.22 * side, 0.0, _SHOULDER])
        lift, aside = between(rng, -0.6, 0.9), side * between(rng, 0.1, 1.0)
        elbow = shoulder + 0.3 * swung(lift, aside)
        hand = elbow + 0.28 * swung(lift + between(rng, 0.0, 1.2), aside * between(rng, 0.2, 1.2))
        parts += limb(shoulder, elbow, (0.065, 0.05), worn.coat, upper_arm)
        parts += limb(elbow, hand, (0.05, 0.04), worn.sleeve, lower_arm)
        parts.append(body(SPHERE, hand, (0.055, 0.055, 0.065), worn.skin, lower_arm))
    low = min(float(part.position[2] - part.extent()[2]) for part in parts)
    return [part.moved(np.eye(3), 1.0, np.array([0.0, 0.0, -low])) for part in parts]


def swung(forward: float, aside: float) -> Vector:
    """Straight down, turned by radians to the front (-y) and to the right (+x)."""
    return np.array([sin(aside), -sin(forward) * cos(aside), -cos(forward) * cos(aside)])


def limb(
    start: Vector, end: Vector, thick: tuple[float, float], material: Material, category: int
) -> list[Body]:
    """A round limb between two joints, so thick at each, with a ball at its end."""
    half = (end - start) / 2
    length, widest = float(np.linalg.norm(half)), max(thick)
    solid = Frustum(thick[0] / widest, thick[1] / widest)
    scale, middle = (widest, widest, length), start + half
    return [
        body(solid, middle, scale, material, category, along(half / length)),
        body(SPHERE, end, (thick[1],) * 3, material, category),
    ]


def _head(worn: Clothes, category: int) -> list[Body]:
    return [
        body(SPHERE, (0.0, 0.0, _HEAD), (0.095, 0.11, 0.13), worn.skin, category),
        body(SPHERE, (0.0, 0.02, _HEAD + 0.03), (0.1, 0.105, 0.12), worn.hair, category),
    ]


def _torso(worn: Clothes, category: int) -> list[Body]:
    neck, chest = np.array([0.0, 0.0, 1.48]), np.array([0.0, 0.0, 1.2])
    return [
        body(CYLINDER, neck, (0.05, 0.05, 0.07), worn.skin, category),
        body(Frustum(0.8, 1.0), chest, (0.21, 0.13, 0.26), worn.coat, category),
        body(SPHERE, (0.0, 0.0, _SHOULDER), (0.22, 0.12, 0.07), worn.coat, category),
        body(SPHERE, (0.0, 0.0, _HIP + 0.02), (0.17, 0.12, 0.1), worn.cloth, category),
    ]
