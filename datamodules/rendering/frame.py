"""What one rendered scene gives: the image and its exact labels."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, UInt8

from datamodules.rendering.looks import Look
from datamodules.rendering.shade import Scene, render
from datamodules.rendering.trace import SKY


@dataclass(frozen=True)
class Frame:
    """An image with its labels.

    Attributes:
        segmentation: train ids; 255 marks the unknown, which a rendered scene has nowhere.
        depth: z-depth in metres, NaN in the sky.
        normals: unit, in the camera's frame (x right, y down, z into the scene; n_z < 0 straight
            ahead), NaN in the sky.
        camera: fx, fy, cx, cy in pixels; the image's corner is at 0, a pixel's centre at + 0.5.
    """

    image: UInt8[np.ndarray, "height width 3"]
    segmentation: UInt8[np.ndarray, "height width"]
    depth: Float32[np.ndarray, "height width"]
    normals: Float32[np.ndarray, "height width 3"]
    camera: tuple[float, float, float, float]


def frame(scene: Scene, size: tuple[int, int], sky: int, rng: np.random.Generator) -> Frame:
    """Renders a scene at `size` (height, width); `sky` is the train id of what no ray meets."""
    buffer, image = render(scene, size, rng)
    # The sky's number, -1, picks the last entry.
    categories = [plane.category for plane in scene.planes]
    categories += [body.category for body in scene.bodies]
    segmentation = np.array([*categories, sky], np.uint8)[buffer.surface]
    depth = np.where(buffer.surface == SKY, np.float32(np.nan), buffer.depth)
    normals = np.ascontiguousarray(np.moveaxis(buffer.normals, 0, -1))
    camera = scene.camera.intrinsics(size)
    return Frame(image, segmentation, depth, normals, camera)


class Scenery(NamedTuple):
    """A family of scenes; called, it draws one at `size` (height, width).

    Attributes:
        scene: Makes one; consumes the same random numbers whatever the look.
        background: Train id of what no ray meets.
        classes: Names and colours of the classes in it, by train id.
    """

    scene: Callable[[np.random.Generator, Look], Scene]
    background: int
    classes: tuple[tuple[str, tuple[int, int, int]], ...]

    def __call__(self, rng: np.random.Generator, size: tuple[int, int], look: Look) -> Frame:
        return frame(self.scene(rng, look), size, self.background, rng)
