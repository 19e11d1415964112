"""Trees of Stanford Cars in both of its forms: three models, one photo to test."""

from pathlib import Path
from typing import Any

import numpy as np
import scipy.io

from tests.fakes.pascal_context import structs
from tests.fakes.photos import write_photo

MODELS = ("AM General Hummer SUV 2000", "Acura RL Sedan 2012", "Dodge Ram 3500 / Crew Cab 2010")
BOX = ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2")
# Class, size.
TRAIN = ((2, (30, 40)), (0, (24, 50)), (1, (40, 30)))
TEST = ((1, (36, 40)),)


def class_names() -> np.ndarray:
    names = np.empty((1, len(MODELS)), object)
    names[0] = MODELS
    return names


def write_devkit(root: Path, above: bool = True) -> Path:
    """The form of torchvision and Kaggle; labels of the test photos above the devkit or in it."""
    tree = root / "stanford_cars"
    devkit = tree / "devkit"
    devkit.mkdir(parents=True)
    scipy.io.savemat(devkit / "cars_meta.mat", {"class_names": class_names()})
    labelled = tree if above else devkit
    for folder, photos, file in (
        ("cars_train", TRAIN, devkit / "cars_train_annos.mat"),
        ("cars_test", TEST, labelled / "cars_test_annos_withlabels.mat"),
    ):
        rows: list[list[Any]] = []
        for number, (label, size) in enumerate(photos, 1):
            write_photo(tree / folder / f"{number:05d}.jpg", size)
            rows.append([1, 2, 3, 4, np.uint8(label + 1), f"{number:05d}.jpg"])
        fields = [*BOX, "class", "fname"]
        scipy.io.savemat(file, {"annotations": structs(fields, rows)})
    # What the devkit itself says of the test photos: no classes.
    unlabelled = structs([*BOX, "fname"], [[1, 2, 3, 4, "00001.jpg"]])
    scipy.io.savemat(devkit / "cars_test_annos.mat", {"annotations": unlabelled})
    return root


def write_whole(root: Path) -> Path:
    """The form with one file for all photos."""
    rows: list[list[Any]] = []
    for number, (label, size) in enumerate((*TRAIN, *TEST), 1):
        path = f"car_ims/{number:06d}.jpg"
        write_photo(root / path, size)
        rows.append([path, 1, 2, 3, 4, np.uint8(label + 1), np.uint8(number > len(TRAIN))])
    fields = ["relative_im_path", *BOX, "class", "test"]
    content = {"annotations": structs(fields, rows), "class_names": class_names()}
    scipy.io.savemat(root / "cars_annos.mat", content)
    return root
