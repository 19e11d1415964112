"""Trees in the layout of SYNTHIA-RAND-CITYSCAPES, written with OpenCV alone."""

from pathlib import Path

import cv2
import numpy as np

SIZE = (76, 128)  # a tenth of the real one
# By the stored list the blocks are 0-187 (train) … 752-939 (val) … 1692-1879 (test).
NUMBERS = {"train": (0, 187, 9211), "val": (752, 939), "test": (1692, 9399)}

# Every class id in the first row, with an instance number beside it; row 1 has depths.
IDS = range(23)
INSTANCE = 976
CENTIMETRES = (0, 1, 256, 1234, 8000, 8001, 65535)


def write_tree(root: Path) -> Path:
    """All images have the pixels described above."""
    for numbers in NUMBERS.values():
        for number in numbers:
            write_picture(root, f"{number:07d}")
    return root


def write_picture(root: Path, name: str) -> None:
    for folder in ("RGB", "GT/LABELS", "Depth"):
        (root / "RAND_CITYSCAPES" / folder).mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(int(name))
    # OpenCV writes the channels in the order blue, green, red.
    cv2.imwrite(str(path(root, "RGB", name)), random.integers(0, 256, (*SIZE, 3), np.uint8))
    labels = np.zeros((*SIZE, 3), np.uint16)
    labels[..., 2] = 3
    labels[0, :23, 2] = IDS
    labels[0, :23, 1] = INSTANCE
    cv2.imwrite(str(path(root, "GT/LABELS", name)), labels)
    depth = np.full(SIZE, 1000, np.uint16)
    depth[1, : len(CENTIMETRES)] = CENTIMETRES
    cv2.imwrite(str(path(root, "Depth", name)), np.dstack([depth] * 3))


def path(root: Path, folder: str, name: str) -> Path:
    return root / "RAND_CITYSCAPES" / folder / f"{name}.png"
