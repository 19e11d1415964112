"""Folders of images and labels as a user may have them, written with OpenCV and Pillow alone."""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

SIZE = (48, 64)
NAMES = {"train": ("0001", "room/0001"), "val": ("0001",), "test": ("0001",)}

# In the first row of each label.
IDS = (0, 1, 2, 255)
MILLIMETRES = (0, 1, 2500, 65535)
# Towards the camera; up; right; mid-grey and black, which are unknown. The rest faces the camera.
NORMALS = ((128, 128, 0), (128, 0, 128), (255, 128, 128), (128, 128, 128), (0, 0, 0))
EDGES = (0, 51, 255)
FAR = 4000  # millimetres, of a wall across the camera


def write_tree(root: Path) -> Path:
    """Ids of three classes, depth, normals and edges with the values above, all PNG."""
    for split, names in NAMES.items():
        for name in names:
            write_picture(root, split, name)
    return root


def write_picture(root: Path, split: str, name: str) -> None:
    random = np.random.default_rng([len(name), *split.encode()])
    image = random.integers(0, 256, (*SIZE, 3), np.uint8)
    segmentation = first_row(np.full(SIZE, 1, np.uint8), IDS)
    depth = first_row(np.full(SIZE, FAR, np.uint16), MILLIMETRES)
    normals = first_row(np.full((*SIZE, 3), (128, 128, 0), np.uint8), NORMALS)
    edges = first_row(np.zeros(SIZE, np.uint8), EDGES)
    labels = {
        "image": image,
        "segmentation": segmentation,
        "depth": depth,
        "normals": normals,
        "edges": edges,
    }
    for folder, content in labels.items():
        save(path(root, split, folder, name), content)


def first_row(content: np.ndarray, values: tuple) -> np.ndarray:
    content[0, : len(values)] = values
    return content


def save(file: Path, content: np.ndarray) -> None:
    """Writes channels in the order red, green, blue."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".npy":
        np.save(file, content)
    else:
        cv2.imwrite(str(file), content if content.ndim == 2 else content[..., ::-1])


def save_palette(file: Path, numbers: np.ndarray, bits: int) -> None:
    """Writes numbers with a palette whose colours tell nothing of them."""
    image = Image.fromarray(numbers, mode="L").convert("L")
    image.putpalette([(7 * index + 3) % 256 for index in range(768)])
    image.save(file, bits=bits)


def path(root: Path, split: str, folder: str, name: str, suffix: str = ".png") -> Path:
    return root / split / folder / f"{name}{suffix}"
