"""A tree of Oxford Flowers: six photos of three kinds, ids in 8 and 16 bits as the set has them."""

from pathlib import Path

import numpy as np
import scipy.io

from tests.fakes.photos import write_photo

LABELS = (1, 102, 1, 77, 102, 77)
SPLITS = {"trnid": (2, 1), "valid": (3,), "tstid": (6, 4, 5)}
SIZES = ((30, 40), (40, 30), (24, 24), (20, 50), (33, 21), (25, 25))


def write_tree(root: Path) -> Path:
    tree = root / "flowers-102"
    for number, size in enumerate(SIZES, 1):
        write_photo(tree / "jpg" / f"image_{number:05d}.jpg", size)
    scipy.io.savemat(tree / "imagelabels.mat", {"labels": np.array([LABELS], np.uint8)})
    ids = {name: np.array([numbers], np.uint16) for name, numbers in SPLITS.items()}
    scipy.io.savemat(tree / "setid.mat", ids)
    return root
