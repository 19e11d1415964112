"""Where the files of folders of one's own are."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from datamodules.disk.listing import walk
from datamodules.disk.spelling import composed

IMAGES = "image"
SUFFIXES: Mapping[str, tuple[str, ...]] = {
    "segmentation": (".png",),
    "depth": (".png", ".npy"),
    "normals": (".png", ".npy"),
    "edges": (".png",),
}
"""Of each task's labels, which lie in a folder of its name in that of a split."""


@dataclass(frozen=True)
class Picture:
    """One image, or a label of it: of an image and its labels the names are equal.

    Attributes:
        name: `<split>/` and the path below the folder of images, without suffix.
        path: That path as it is spelled on this disk.
        suffix: What follows it.
    """

    name: str
    path: str = field(compare=False)
    suffix: str = field(compare=False)

    @property
    def split(self) -> str:
        return self.name.partition("/")[0]


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
            picture = Picture(f"{split}/{composed(path)}", path, suffix)
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
    return root / split / task / f"{path}{suffix}"
