"""From surfaces to an image: pattern, light, shadow, haze, and a camera's sensor."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8

from datamodules.rendering.bodies import Body, Plane
from datamodules.rendering.camera import Camera
from datamodules.rendering.lights import Light
from datamodules.rendering.looks import Look
from datamodules.rendering.primitives import Chart, Pixels, Points, Surfaces, Values, dot
from datamodules.rendering.textures import NUMBER, look_up
from datamodules.rendering.trace import SKY, Buffer, trace

Table = dict[str, np.ndarray]

# The colour of lit windows.
_WARM = (1.0, 0.72, 0.35)


@dataclass(frozen=True, eq=False)
class Scene:
    """All that an image needs but its size and its noise."""

    camera: Camera
    light: Light
    look: Look
    planes: Sequence[Plane] = ()
    bodies: Sequence[Body] = field(default_factory=tuple)


def render(
    scene: Scene, size: tuple[int, int], rng: np.random.Generator
) -> tuple[Buffer, UInt8[np.ndarray, "height width 3"]]:
    """The traced scene, and what the camera records of it; `rng` gives the sensor's noise."""
    buffer = trace(scene.camera, scene.planes, scene.bodies, size)
    return buffer, _record(_radiance(scene, buffer), scene.look, rng)


def _radiance(scene: Scene, buffer: Buffer) -> Float32[np.ndarray, "height width 3"]:
    """Linear light that reaches each pixel."""
    height, width = buffer.depth.shape
    empty = np.flatnonzero(buffer.surface == SKY)
    # Indoors there is no sky, and a slice spares copies of everything.
    solid = np.flatnonzero(buffer.surface != SKY) if empty.size else slice(None)
    points = buffer.points().reshape(3, -1)[:, solid]
    normals = buffer.normals.reshape(3, -1)[:, solid]
    surface = buffer.surface.reshape(-1)[solid].astype(np.intp)
    chart = buffer.chart.reshape(2, -1)[:, solid]
    distance = np.sqrt(dot(points, points))
    view = points / -distance
    focal, *_ = scene.camera.intrinsics((height, width))
    pixel = np.float32(1 / focal)

    table = _table(scene)
    slant = np.sqrt(np.maximum(np.abs(dot(view, normals)), 0.05))
    mix = _pattern(table, surface, chart, points[2] * pixel / slant)
    direct, highlight = _lighting(scene, buffer, table, points, normals, view, surface)
    up = scene.camera.rotation[:, 2].astype(np.float32)
    open_sky = 0.75 + 0.25 * dot(up, normals)
    haze = np.exp(points[2] * np.float32(-1 / scene.look.haze))
    glow = _glow(scene, table, surface, mix)

    image = np.empty((3, height * width), np.float32)
    for k in range(3):
        albedo = table["colour"][k][surface] + table["change"][k][surface] * mix
        key, fill = np.float32(scene.look.light[k]), np.float32(scene.look.ambient[k])
        colour = albedo * (direct * key + open_sky * fill) + highlight * key
        colour = colour + glow * np.float32(_WARM[k])
        air = np.float32(scene.look.horizon[k])
        image[k, solid] = air + haze * (colour - air)
    if empty.size:
        image[:, empty] = _sky(scene, buffer)
    return np.ascontiguousarray(image.T).reshape(height, width, 3)


def _table(scene: Scene) -> Table:
    """The materials' numbers by surface number."""
    materials = [plane.material for plane in scene.planes]
    materials += [body.material for body in scene.bodies]
    colour = np.array([m.colour for m in materials], np.float32).T.copy()
    return {
        "colour": colour,
        "change": np.array([m.second for m in materials], np.float32).T - colour,
        "pattern": np.array([NUMBER[m.pattern] for m in materials], np.int32),
        "density": np.array([m.density for m in materials], np.float32).T.copy(),
        "phase": np.array([m.phase for m in materials], np.float32).T.copy(),
        "gloss": np.array([m.gloss for m in materials], np.float32),
        "glow": np.array([m.glow for m in materials], np.float32),
    }


def _pattern(table: Table, surface: Surfaces, chart: Chart, footprint: Pixels) -> Pixels:
    """Share of the material's second colour; `footprint` is a pixel's width on the surface."""
    density, phase = table["density"], table["phase"]
    along = density[0][surface]
    u = chart[0] * along + phase[0][surface]
    v = chart[1] * density[1][surface] + phase[1][surface]
    return look_up(table["pattern"][surface], u, v, footprint * along)


def _glow(scene: Scene, table: Table, surface: Surfaces, mix: Pixels) -> Pixels | np.float32:
    """Strength of the light from within, where the pattern is nearer to its second colour."""
    if not table["glow"].any() or not scene.look.glow:
        return np.float32(0)
    return table["glow"][surface] * np.maximum(2 * mix - 1, 0) * np.float32(scene.look.glow)


def _lighting(
    scene: Scene,
    buffer: Buffer,
    table: Table,
    points: Points,
    normals: Points,
    view: Points,
    surface: Surfaces,
) -> tuple[Values, Values]:
    """Share of the direct light that a matte surface sends back, and the highlight's strength."""
    light = scene.light.seen_by(scene.camera)
    towards, strength = light.arrives(points)
    direct = np.maximum(dot(normals, towards), 0)
    lit = np.flatnonzero(direct > 0)
    casters = [
        (number, seen)
        for number, seen in enumerate(buffer.seen, start=len(scene.planes))
        if seen.body.casts
    ]
    direct[lit[light.blocked(points[:, lit], surface[lit], casters)]] = 0
    direct *= strength
    highlight = np.zeros_like(direct)
    shiny = np.flatnonzero(table["gloss"][surface] > 0)
    if shiny.size:
        towards = np.broadcast_to(towards, points.shape)[:, shiny]
        up = scene.camera.rotation[:, 2].astype(np.float32)
        shine = _shine(normals[:, shiny], view[:, shiny], towards, direct[shiny] > 0, up)
        highlight[shiny] = shine * table["gloss"][surface[shiny]]
    return direct, highlight


def _shine(
    normals: Points, view: Points, towards: Points, lit: Bool[np.ndarray, "..."], up: Points
) -> Values:
    """Blinn's highlight where the light arrives, and a faint mirror of the bright upper half."""
    half = towards + view
    peak = dot(half, normals) / np.sqrt(dot(half, half))
    for _ in range(5):  # To the power 2⁵.
        peak = peak * peak
    facing = dot(view, normals)
    mirrored_up = 2 * facing * dot(up, normals) - dot(up, view)
    grazing = (1 - facing) ** 2
    mirror = np.clip(4 * mirrored_up, 0, 1) * (np.float32(0.05) + np.float32(0.3) * grazing)
    return peak * lit + mirror


def _sky(scene: Scene, buffer: Buffer) -> Float32[np.ndarray, "3 pixels"]:
    """The sky's colour from the horizon to overhead, with soft clouds, where there is sky."""
    down, across = np.nonzero(buffer.surface == SKY)
    x, y = buffer.columns[across], buffer.rows[down]
    ray = np.stack([x, y, np.ones_like(x)])
    world = scene.camera.rotation.T.astype(np.float32) @ ray
    rise = np.maximum(world[2] / np.sqrt(dot(ray, ray)), 0)
    # Clouds hang on a ceiling that comes down towards the horizon.
    stretch = np.float32(0.15) / np.maximum(world[2] + np.float32(0.25), np.float32(0.05))
    cloud = look_up(
        np.full(x.size, NUMBER["clouds"], np.int32),
        world[0] * stretch,
        world[1] * stretch,
        np.full(x.size, 2e-3, np.float32),
    )
    share = np.minimum(np.sqrt(rise) * 1.3, 1)
    zenith, horizon = (
        np.array(colour, np.float32)[:, None] for colour in (scene.look.zenith, scene.look.horizon)
    )
    clear = horizon + share * (zenith - horizon)
    white = np.float32(max(scene.look.horizon))
    return clear + (white - clear) * np.clip(cloud * 2 - 0.9, 0, 0.8) * np.minimum(rise * 4, 1)


def _record(
    radiance: Float32[np.ndarray, "height width 3"], look: Look, rng: np.random.Generator
) -> UInt8[np.ndarray, "height width 3"]:
    """Lens blur, exposure, a gamma of 2, noise and 8 bits.

    The square root also makes the noise of counted photons equally strong in bright and dark.
    """
    blurred = cv2.GaussianBlur(radiance, (3, 3), 0.55)
    signal = np.sqrt(np.maximum(blurred * np.float32(look.exposure), 0))
    noise = rng.standard_normal(signal.shape, np.float32)
    signal += noise * np.float32(look.noise)
    return (np.clip(signal, 0, 1) * np.float32(255) + np.float32(0.5)).astype(np.uint8)
