"""Every reader of files, with a small tree that it reads."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from datamodules import (
    CUB,
    VKITTI2,
    Aircraft,
    Cityscapes,
    DenseDataModule,
    Flowers,
    Folders,
    ImageFolder,
    NYUDv2,
    PASCALContext,
    Synthia,
    Taskonomy,
)
from tests.fakes import (
    aircraft,
    cityscapes,
    cub,
    flowers,
    folders,
    nyudv2,
    pascal_context,
    synthia,
    taskonomy,
    vkitti2,
)

SIZE = (32, 48)


def write_taskonomy(root: Path) -> None:
    for split, building in (("1,0,0", "hanson"), ("0,1,0", "darden"), ("0,0,1", "ihlen")):
        taskonomy.write_view(root, building, 1, len(split))
    rows = "hanson,1,0,0\ndarden,0,1,0\nihlen,0,0,1\n"
    (root / "train_val_test_medium.csv").write_text(f"id,train,val,test\n{rows}")


def write_vkitti2(root: Path) -> None:
    for scene in ("Scene01", "Scene02", "Scene06", "Scene18", "Scene20"):
        vkitti2.write_drive(root, scene, (0, 3))


def write_photos(root: Path) -> None:
    folders.write_tree(root)
    shutil.copytree(root / "train" / "image", root / "photos")
    for split in ("train", "val", "test"):
        shutil.rmtree(root / split)


class Reader(NamedTuple):
    write: Callable[[Path], object]
    make: Callable[..., DenseDataModule]


READERS: dict[str, Reader] = {
    "taskonomy": Reader(write_taskonomy, partial(Taskonomy, subset="medium")),
    "nyudv2-official": Reader(nyudv2.write_official, NYUDv2),
    "nyudv2-npy": Reader(partial(nyudv2.write_multitask, png=False), NYUDv2),
    "nyudv2-png": Reader(partial(nyudv2.write_multitask, png=True), NYUDv2),
    "nyudv2-mtan": Reader(nyudv2.write_mtan, partial(NYUDv2, label_space="nyu_13")),
    "cityscapes": Reader(cityscapes.write_tree, Cityscapes),
    "synthia": Reader(synthia.write_tree, Synthia),
    "vkitti2": Reader(write_vkitti2, VKITTI2),
    "pascal_context": Reader(pascal_context.write_tree, PASCALContext),
    "cub": Reader(cub.write_tree, CUB),
    "aircraft": Reader(aircraft.write_tree, Aircraft),
    "flowers": Reader(flowers.write_tree, Flowers),
    "folders": Reader(folders.write_tree, partial(Folders, classes=["a", "b", "c"])),
    "image-folder": Reader(write_photos, ImageFolder),
}
