"""A small world with exact labels, seen by any camera: the reference of joint geometry."""

from dataclasses import dataclass

import cv2
import numpy as np

from datamodules.labels import IGNORE
from datamodules.transforms import Sample

SKY = IGNORE


@dataclass(frozen=True)
class World:
    """A floor, a slanted wall and a ball, in the camera's frame, every one with a soft pattern.

    The world is rolled or mirrored by `turn` (x and y axes), and shrunk by `zoom`.
    """

    turn: tuple[tuple[float, float], tuple[float, float]] = ((1.0, 0.0), (0.0, 1.0))
    zoom: float = 1.0

    def place(self, vector: tuple[float, float, float]) -> np.ndarray:
        return np.append(np.array(self.turn) @ vector[:2], vector[2])

    def render(self, camera: tuple[float, ...], size: tuple[int, int]) -> Sample:
        fx, fy, cx, cy = camera
        x = (np.arange(size[1]) + 0.5 - cx) / fx
        y = (np.arange(size[0]) + 0.5 - cy) / fy
        rays = np.stack(np.broadcast_arrays(x, y[:, None], 1.0), axis=-1)
        depth = np.full(size, np.inf)
        classes = np.full(size, SKY, np.uint8)
        normals = np.full((*size, 3), np.nan)
        for number, (hit, normal) in enumerate(self._hits(rays)):
            nearer = hit < np.minimum(depth, 12 / self.zoom)
            depth[nearer], classes[nearer] = hit[nearer], number
            normals[nearer] = np.broadcast_to(normal, rays.shape)[nearer]
        depth[classes == SKY] = np.nan
        points = np.nan_to_num(depth)[..., None] * rays * self.zoom
        waves = np.stack([self.place((1.5, 0.45, 0.0)), self.place((0.0, 1.5, 0.75))], axis=1)
        pattern = np.sin(points @ waves)
        shades = np.array([60, 120, 180])[np.where(classes == SKY, 0, classes)]
        image = np.stack([shades, 120 + 90 * pattern[..., 0], 120 + 90 * pattern[..., 1]], axis=-1)
        image[classes == SKY] = 30
        return {
            "image": image.round().astype(np.uint8),
            "name": "world",
            "camera": np.array(camera, np.float32),
            "segmentation": classes,
            "depth": depth.astype(np.float32),
            "normals": normals.astype(np.float32),
        }

    def _hits(self, rays: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        hits = []
        with np.errstate(divide="ignore"):
            for normal, offset in (((0.0, -1.0, -0.1), -1.4), ((-0.8, 0.0, -0.6), -3.6)):
                unit = self.place(normal) / np.linalg.norm(normal)
                distance = offset / np.linalg.norm(normal) / self.zoom / (rays @ unit)
                hits.append((np.where(distance > 0, distance, np.inf), unit))
        centre, radius = self.place((-0.4, 0.2, 4.0)) / self.zoom, 0.9 / self.zoom
        along, square = rays @ centre, (rays**2).sum(-1)
        inside = along**2 - square * (centre @ centre - radius**2)
        distance = np.where(inside > 0, (along - np.sqrt(np.maximum(inside, 0))) / square, np.inf)
        outwards = np.where(inside > 0, distance, 0)[..., None] * rays - centre
        return [*hits, (distance, outwards / radius)]


def smooth(expected: Sample, known: np.ndarray, reach: int = 3) -> np.ndarray:
    """Pixels with a single known surface, that bends little, as far around as `reach`."""
    classes = np.where(known, expected["segmentation"], SKY)
    square = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    single = cv2.erode(classes, square) == cv2.dilate(classes, square)
    inner = np.zeros_like(single)
    inner[reach // 2 : -(reach // 2), reach // 2 : -(reach // 2)] = True
    single &= inner
    normals = np.nan_to_num(expected["normals"])
    for offset in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        single &= (np.roll(normals, offset, (0, 1)) * normals).sum(-1) > np.cos(np.radians(3))
    return single & (classes != SKY)
