"""Trees in the three forms of NYUDv2, written with h5py, SciPy, Pillow and NumPy alone."""

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
import scipy.io
from PIL import Image

from datamodules.nyudv2 import NYUDv2
from datamodules.transforms import Sample

LABELED = "nyu_depth_v2_labeled.mat"
FRAMES = 4

# Where one pixel of each kind lies in the official frames: row, column. All in the default window,
# whose corner is (45, 40).
KNOWN = (100, 200)
UNLABELLED = (101, 203)
RARE = (102, 206)
FAR = (103, 209)
HOLE = (104, 212)
NEAR = (105, 215)


def official_arrays() -> dict[str, np.ndarray]:
    """The data sets of the official file, in h5py's order of axes: frame, channel, column, row."""
    rng = np.random.default_rng(7)
    arrays = {
        "images": rng.integers(0, 256, (FRAMES, 3, 640, 480), dtype=np.uint8),
        "labels": np.full((FRAMES, 640, 480), 21, np.uint16),  # 21: wall
        "depths": np.full((FRAMES, 640, 480), 2.0, np.float32),
        "rawDepths": np.full((FRAMES, 640, 480), 2.25, np.float32),
    }

    def put(key: str, frame: int, pixel: tuple[int, int], value: float) -> None:
        arrays[key][frame, pixel[1], pixel[0]] = value

    # Frame 3 of the split lists is the third, index 2.
    arrays["images"][2, :, KNOWN[1], KNOWN[0]] = (10, 20, 30)
    put("labels", 2, KNOWN, 157)  # bed
    put("labels", 2, UNLABELLED, 0)
    put("labels", 2, RARE, 894)  # the last name, torah
    put("depths", 2, KNOWN, 3.5)
    put("depths", 2, FAR, 10.5)
    put("depths", 2, NEAR, 0.0005)
    put("rawDepths", 2, KNOWN, 3.25)
    put("rawDepths", 2, HOLE, 0.0)
    return arrays


def write_labeled(root: Path, arrays: dict[str, np.ndarray]) -> Path:
    """The HDF5 file with MATLAB's header in front."""
    root.mkdir(parents=True, exist_ok=True)
    file = root / LABELED
    with h5py.File(file, "w", userblock_size=512) as handle:
        for key, array in arrays.items():
            handle.create_dataset(key, data=array, chunks=(1, *array.shape[1:]))
    with file.open("r+b") as handle:
        handle.write(b"MATLAB 7.3 MAT-file".ljust(512))
    return file


def write_splits(root: Path, train: list[int], test: list[int]) -> Path:
    columns = {"trainNdxs": train, "testNdxs": test}
    file = root / "splits.mat"
    scipy.io.savemat(file, {key: np.array(column)[:, None] for key, column in columns.items()})
    return file


def write_official(root: Path) -> Path:
    write_labeled(root, official_arrays())
    write_splits(root, train=[3, 1], test=[4, 2])
    return root


def multitask_maps(size: tuple[int, int]) -> dict[str, np.ndarray]:
    """What the multi-task archives hold of one sample, in their own axes: y up, z to the camera."""
    rng = np.random.default_rng(8)
    maps = {
        "images": rng.integers(0, 256, (*size, 3), dtype=np.uint8),
        "segmentation": np.full(size, 1, np.uint8),
        "depth": np.full(size, 2.0, np.float32),
        "normals": np.full((*size, 3), (0, 0, 1), np.float32),
        "edge": np.zeros(size, np.float32),
    }
    maps["images"][3, 5] = (10, 20, 30)
    maps["segmentation"][3, 5] = 40
    maps["segmentation"][3, 6] = 0
    maps["depth"][3, 5] = 3.5
    maps["depth"][3, 6] = 0
    maps["normals"][3, 5] = (0.6, 0, 0.8)
    maps["normals"][3, 6] = 0
    maps["normals"][3, 7] = (0, 1, 0)
    maps["edge"][3, 5] = 1
    return maps


def write_multitask(root: Path, png: bool, size: tuple[int, int] = (24, 32)) -> Path:
    """`NYUD_MT.tgz` (JPEG and `.npy`), or `NYUDv2.tar.gz` (PNG) with the same content."""
    maps = multitask_maps(size)
    for folder in (*maps, "gt_sets"):
        (root / folder).mkdir(parents=True)
    (root / "gt_sets" / "train.txt").write_text("train_10\ntrain_9\n")
    (root / "gt_sets" / "val.txt").write_text("val_1\n")
    for name in ("train_10", "train_9", "val_1"):
        image, kind = Image.fromarray(maps["images"]), "png" if png else "jpg"
        image.save(root / "images" / f"{name}.{kind}", quality=100, subsampling=0)
        Image.fromarray(maps["segmentation"]).save(root / "segmentation" / f"{name}.png")
        np.save(root / "depth" / f"{name}.npy", maps["depth"])
        if png:
            grey = np.round((maps["normals"] + 1) * 127.5).astype(np.uint8)
            Image.fromarray(grey).save(root / "normals" / f"{name}.png")
            edge = (255 * maps["edge"]).astype(np.uint8)
            Image.fromarray(edge).save(root / "edge" / f"{name}.png")
        else:
            np.save(root / "normals" / f"{name}.npy", maps["normals"])
            np.save(root / "edge" / f"{name}.npy", maps["edge"])
    return root


def write_mtan(root: Path, size: tuple[int, int] = (24, 32)) -> Path:
    """MTAN's folders; numbers without leading zeros, 10 beside 9."""
    maps = multitask_maps(size)
    label = np.zeros(size, np.float32)
    label[3, 5], label[3, 6] = 12, -1
    arrays = {
        "image": maps["images"] / 255,
        "label": label,
        "depth": maps["depth"][..., None],
        "normal": maps["normals"],
    }
    for split, numbers in (("train", (9, 10)), ("val", (0,))):
        for kind, array in arrays.items():
            (root / split / kind).mkdir(parents=True)
            for number in numbers:
                np.save(root / split / kind / f"{number}.npy", array)
    return root


def read(root: Path, tasks: Sequence[str], name: str | None = None, **settings) -> Sample:
    """Reads one training sample as it is stored: the first, or that of a name."""
    data = NYUDv2(root, (24, 32), **settings)
    frames = data.records("train")
    frame = next(f for f in frames if name in (None, f.name))
    return data.reader()(frame, tasks)
