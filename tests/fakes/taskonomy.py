"""Taskonomy's trees with 64-pixel views, written by OpenCV alone, values as in the real format."""

import json
import math
from pathlib import Path

import cv2
import numpy as np

from datamodules.taskonomy.datamodule import Taskonomy

SIZE = 64

FOLDERS = {
    "omnitools": "{domain}/taskonomy/{building}",
    "flat": "{domain}/{building}",
    "tar": "{building}_{domain}/{domain}",
    "old": "{building}/{domain}",
}

# How the files of a domain end; only two of them differ from the domain's name.
ENDINGS = {
    "rgb": "rgb.png",
    "segment_semantic": "segmentsemantic.png",
    "depth_zbuffer": "depth_zbuffer.png",
    "depth_euclidean": "depth_euclidean.png",
    "normal": "normal.png",
    "edge_texture": "edge_texture.png",
    "point_info": "point_info.json",
}


def view_file(
    root: Path, domain: str, building: str, point: int, view: int, layout: str = "omnitools"
) -> Path:
    folder = root / FOLDERS[layout].format(domain=domain, building=building)
    return folder / f"point_{point}_view_{view}_domain_{ENDINGS[domain]}"


def write_view(
    root: Path,
    building: str,
    point: int,
    view: int,
    layout: str = "omnitools",
    domains: tuple[str, ...] = tuple(ENDINGS),
) -> None:
    """Writes the files of one view; every view has an image of its own."""
    for domain in domains:
        file = view_file(root, domain, building, point, view, layout)
        file.parent.mkdir(parents=True, exist_ok=True)
        if domain == "point_info":
            # Half of the width is at 45 degrees.
            file.write_text(json.dumps({"resolution": SIZE, "field_of_view_rads": math.pi / 2}))
        elif not cv2.imwrite(str(file), codes(domain, f"{building} {point} {view}")):
            raise OSError(file)


def codes(domain: str, name: str) -> np.ndarray:
    """What a file holds, in OpenCV's order of channels: blue, green, red."""
    rows, columns = np.mgrid[0:SIZE, 0:SIZE]
    if domain == "rgb":
        image = np.dstack([rows * 4, columns * 4, np.full_like(rows, sum(name.encode()) % 256)])
        image[0, 0] = (30, 20, 10)
        return image.astype(np.uint8)
    if domain == "segment_semantic":
        return (columns % 18).astype(np.uint8)
    if domain == "depth_zbuffer":
        depth = np.full((SIZE, SIZE), 1024, np.uint16)
        depth[0, :8] = (0, 1, 257, 512, 5120, 5121, 65534, 65535)
        return depth
    if domain == "depth_euclidean":
        distance = np.full((SIZE, SIZE), 1024, np.uint16)
        distance[0, :4] = (0, 1, 65534, 65535)
        return distance
    if domain == "normal":
        normal = np.full((SIZE, SIZE, 3), (26, 128, 204), np.uint8)
        normal[0, :3] = ((128, 128, 128), (127, 128, 129), (0, 128, 128))
        return normal
    edges = np.zeros((SIZE, SIZE), np.uint16)
    edges[0, :4] = (0, 257, 13107, 65535)
    return edges


def taskonomy(root: Path, **settings) -> Taskonomy:
    return Taskonomy(root, **{"image_size": (SIZE, SIZE), "workers": 0, "batch_size": 1} | settings)


def read(root: Path, **settings) -> dict[str, np.ndarray]:
    """The first training sample as the reader gives it."""
    data = taskonomy(root, **settings)
    source = data.source("train")
    return source.read(source.records[0], data.tasks)
