"""Procedural rooms and streets, the dataset that needs no download."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from datamodules.drawn.cache import Kept
from datamodules.drawn.rendered import Reader, RenderedDataModule, scene_random
from datamodules.edges import sobel_edges
from datamodules.labels import Labels
from datamodules.rendering import LOOKS, SCENERIES
from datamodules.settings import one_of
from datamodules.transforms import Sample

LAYOUTS = ("room", "street")


def unit_length(normals: np.ndarray) -> np.ndarray:
    """Bring rounded normals back to length 1; NaN stays NaN."""
    length = np.sqrt(np.einsum("...c,...c->...", normals, normals))
    return normals / length[..., None]


class Scenes(RenderedDataModule):
    """Rendered rooms or streets with exact segmentation, depth, normals and edges.

    - Source: drawn by `datamodules.rendering`; no download, no licence to heed.
    - Splits: as many scenes as asked for; scene i of a split depends on (`scene_seed`, split, i)
      only, and splits never share a scene. The look changes light and colours, never the geometry:
      the same scene by day and at dusk has the same depth, normals and classes.
    - `segmentation`: the layout's classes, 255 nowhere. `depth`: metres along the optical axis,
      NaN in the sky. `normals`: unit, x right, y down, z into the scene, NaN in the sky.
      `edges`: `sobel_edges` of the rendered image, in [0, 1].
    - `camera`: (fx, fy, cx, cy) in pixels, with (0, 0) at the image's upper left corner.
    - On disk: `<cache>/<layout>-<look>-…/{image,depth,…}.npy`, 16 bytes per pixel: 262 kB per scene
      at 128 pixels. Depth is kept as float32, so that it stays exact; normals (brought back to
      length 1, then within 0.03°) and edges (within 0.0005) as float16.

    Args:
        layout: `room` or `street`.
        look: `day`, `dusk` or another of `datamodules.rendering.LOOKS`.
        options: What all drawn datasets take, see `RenderedDataModule`.
    """

    kept: ClassVar[Mapping[str, Kept]] = {
        "normals": Kept("float16", unit_length),
        "edges": Kept("float16"),
    }

    def __init__(self, layout: str = "room", look: str = "day", **options: Any) -> None:
        super().__init__(**options)
        self.layout = one_of("layout", layout, LAYOUTS)
        self.look = one_of("look", look, LOOKS)

    @property
    def labels(self) -> dict[str, Labels]:
        names, colours = zip(*SCENERIES[self.layout].classes, strict=True)
        return {"segmentation": Labels(names, colours)}

    @property
    def settings(self) -> dict[str, str]:
        return {"layout": self.layout, "look": self.look}

    def drawer(self, split: str) -> Reader:
        return DrawnScene(self.layout, self.look, self.image_size, self.scene_seed, split)


@dataclass(frozen=True)
class DrawnScene:
    """Draws scene `index` of a split."""

    layout: str
    look: str
    size: tuple[int, int]
    seed: int
    split: str

    def __call__(self, index: int, tasks: Sequence[str]) -> Sample:
        random = scene_random(self.seed, self.split, index)
        frame = SCENERIES[self.layout](random, self.size, LOOKS[self.look])
        maps: dict[str, Callable[[], np.ndarray]] = {
            "segmentation": lambda: frame.segmentation,
            "depth": lambda: frame.depth,
            "normals": lambda: frame.normals,
            "edges": lambda: sobel_edges(frame.image),
        }
        camera = np.array(frame.camera, np.float32)
        return {"image": frame.image, "camera": camera} | {task: maps[task]() for task in tasks}
