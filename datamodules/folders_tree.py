"""Where the files of folders of one's own are."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from datamodules.listing import walk
from datamodules.spelling import composed

IMAGES = "image"
FOLDERS: Mapping[str, str] = {
    "segmentation": "segmentation",
    "depth": "depth",
    "normals": "normals",
    "edges": "edges",
}
"""The folder of each task, in that of a split."""
SUFFIXES: Mapping[str, tuple[str, ...]] = {
    "segmentation": (".png",),
    "depth": (".png", ".npy"),
    "normals": (".png", ".npy"),
    "edges": (".png",),
}


class Picture(NamedTuple):
    """One image: its split, its path below the folder of images, without suffix, and the suffix."""

    split: str
    path: str
    suffix: str

    @property
    def name(self) -> str:
        return f"{self.split}/{composed(self.path)}"


def pictures(root: Path, split: str, folder: str, suffixes: Sequence[str]) -> list[Picture]:
    """The files with these suffixes in a folder of a split and the folders in it.

    Raises:
        ValueError: Two files have one name but for their suffixes, or how accents are spelled.
    """
    top = root / split / folder
    found: dict[str, Picture] = {}
    for here, names in walk(top):
        for name in names:
            stem, suffix = os.path.splitext(name)  # noqa: PTH122  # no Path for each of millions
            if suffix.lower() not in suffixes:
                continue
            path = Path(here, stem).relative_to(top).as_posix()
            picture = Picture(split, path, suffix)
            if twin := found.get(picture.name):
                raise ValueError(
                    f"`{top}` should hold one file called `{path}`, found `{path}{suffix}` and"
                    f" `{twin.path}{twin.suffix}`. Remove or rename one of them."
                )
            found[picture.name] = picture
    return [found[name] for name in sorted(found)]


def image_file(root: Path, picture: Picture) -> Path:
    """Where an image lies."""
    return root / picture.split / IMAGES / f"{picture.path}{picture.suffix}"


def label_file(root: Path, name: str, task: str, suffix: str) -> Path:
    """Where the label of a sample lies in a file of this suffix."""
    split, path = name.split("/", 1)
    return root / split / FOLDERS[task] / f"{path}{suffix}"
