"""Trees in the four forms of NYUDv2, written with h5py, SciPy, Pillow and NumPy alone."""

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


def write_class13(root: Path, renamed: bool = False) -> Path:
    """The 13-class archives as they unpack, or as pytorch-nyuv2 renames them; frames 3 1, 4 2.

    Their images are not those of the official file, which gives the depth.
    """
    write_labeled(root, official_arrays())
    for split, numbers in (("train", (3, 1)), ("test", (4, 2))):
        places = {
            "image": (f"nyu_{split}_rgb/nyu_rgb_{{:04d}}.png", f"{split}_rgb/{{:04d}}.png"),
            "classes": (
                f"nyuv2_{split}_class13/new_nyu_class13_{{:04d}}.png",
                f"{split}_seg13/{{:04d}}.png",
            ),
            "normals": (f"nyu_normals_gt/{split}/{{:05d}}.png", f"{split}_sn/{{:04d}}.png"),
        }
        for number in numbers:
            for kind, pixels in class13_pixels(number).items():
                file = root / places[kind][renamed].format(number)
                file.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(file)
    return root


def class13_pixels(number: int) -> dict[str, np.ndarray]:
    """What the archives hold of one frame; normals with y up and z to the camera."""
    rng = np.random.default_rng(number)
    maps = {
        "image": rng.integers(0, 256, (480, 640, 3), dtype=np.uint8),
        "classes": np.full((480, 640), 12, np.uint8),  # wall
        "normals": np.full((480, 640, 3), (128, 128, 255), np.uint8),
    }
    maps["image"][KNOWN] = (10, 20, 30)
    maps["classes"][KNOWN] = 1  # bed
    maps["classes"][UNLABELLED] = 0
    maps["classes"][RARE] = 13  # window
    maps["normals"][KNOWN] = (204, 128, 230)
    maps["normals"][HOLE] = (128, 128, 128)
    maps["normals"][NEAR] = (127, 127, 127)
    maps["normals"][FAR] = (128, 255, 128)
    maps["normals"][RARE] = 0
    return maps


def read(root: Path, tasks: Sequence[str], name: str | None = None, **settings) -> Sample:
    """Reads one training sample as it is stored: the first, or that of a name."""
    data = NYUDv2(root, (24, 32), **settings)
    frames = data.records("train")
    frame = next(f for f in frames if name in (None, f.name))
    return data.reader()(frame, tasks)
