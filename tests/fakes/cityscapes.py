"""Trees in Cityscapes' layout, written with OpenCV, Pillow and json alone."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

SIZE = (64, 128)
CITIES: Mapping[str, Sequence[str]] = {
    "train": ("aachen", "bochum"),
    "val": ("frankfurt",),
    "test": ("berlin",),
}
# fx * baseline = 500, so that depths can be worked out in the head.
CAMERA = {
    "extrinsic": {
        "baseline": 0.25, "pitch": 0.038, "roll": 0.0,
        "x": 1.7, "y": 0.1, "yaw": -0.0195, "z": 1.22,
    },
    "intrinsic": {"fx": 2000.0, "fy": 1990.0, "u0": 65.5, "v0": 31.5},
}  # fmt: skip

# Every label id in the first row; row 1 has disparity codes of every kind.
IDS = range(34)
CODES = (0, 1, 2, 1600, 1601, 2561, 32257, 65535)
BLACK = "troisdorf_000000_000073"


def write_tree(root: Path, archives: bool = False) -> Path:
    """Two snapshots per city; the first of each city has the pixels described above."""
    for split, cities in CITIES.items():
        for city in cities:
            for number in (0, 1):
                name = f"{city}_{number:06d}_000019"
                write_snapshot(root, split, name, seed=len(name) + number, archives=archives)
    return root


def write_snapshot(
    root: Path,
    split: str,
    name: str,
    seed: int = 0,
    archives: bool = False,
    labels: str = "gtFine",
) -> None:
    random = np.random.default_rng(seed)
    Image.fromarray(random.integers(0, 256, (*SIZE, 3), np.uint8)).save(
        path(root, split, name, "leftImg8bit.png", archives)
    )
    ids = np.full(SIZE, 7, np.uint8)
    ids[0, :34] = IDS
    Image.fromarray(ids).save(path(root, split, name, f"{labels}_labelIds.png", archives))
    codes = np.full(SIZE, 2561, np.uint16)
    codes[1, : len(CODES)] = CODES
    cv2.imwrite(str(path(root, split, name, "disparity.png", archives)), codes)
    path(root, split, name, "camera.json", archives).write_text(json.dumps(CAMERA))


def write_extra(root: Path, archives: bool = False) -> Path:
    """Two images of `train_extra` with coarse labels, and the one that is all black."""
    for number, name in enumerate(("augsburg_000000_000000", "bad-honnef_000012_000024")):
        write_snapshot(root, "train_extra", name, number, archives, labels="gtCoarse")
    write_snapshot(root, "train_extra", BLACK, 2, archives, labels="gtCoarse")
    blank = {
        "leftImg8bit.png": np.zeros((*SIZE, 3), np.uint8),
        "disparity.png": np.zeros(SIZE, np.uint16),
    }
    for ending, pixels in blank.items():
        cv2.imwrite(str(path(root, "train_extra", BLACK, ending, archives)), pixels)
    return root


def path(root: Path, split: str, name: str, ending: str, archives: bool = False) -> Path:
    """The place of a file; makes its folder."""
    kind = ending.split("_")[0].split(".")[0]
    # The archive of coarse labels holds those of all splits.
    end = "trainextra" if split == "train_extra" else "trainvaltest"
    archive = kind if kind == "gtCoarse" else f"{kind}_{end}"
    base = root / archive / kind if archives else root / kind
    file = base / split / name.split("_")[0] / f"{name}_{ending}"
    file.parent.mkdir(parents=True, exist_ok=True)
    return file
