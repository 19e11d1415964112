"""Where the files of folders of one's own are."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

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
        return f"{self.split}/{self.path}"


def pictures(root: Path, split: str, folder: str, suffixes: Sequence[str]) -> list[Picture]:
    """The files with these suffixes in a folder of a split and the folders in it, but hidden ones.

    Links to folders are followed, unless they lead back to a folder that they are in.

    Raises:
        ValueError: Two files of different suffixes have one name.
    """
    top = root / split / folder
    found: dict[str, Picture] = {}
    for here, names in _walk(top):
        for name in names:
            stem, suffix = os.path.splitext(name)  # noqa: PTH122  # no Path for each of millions
            if name.startswith(".") or suffix.lower() not in suffixes:
                continue
            path = Path(here, stem).relative_to(top).as_posix()
            if path in found:
                raise ValueError(
                    f"`{top}` should hold one file called `{path}`, found `{path}{suffix}` and"
                    f" `{path}{found[path].suffix}`. Remove or rename one of them."
                )
            found[path] = Picture(split, path, suffix)
    return [found[path] for path in sorted(found)]


def _walk(top: Path) -> Iterator[tuple[str, list[str]]]:
    """Folders that are not hidden, and the names of the files in each."""
    above = {str(top): frozenset([os.path.realpath(top)])}
    for here, folders, names in os.walk(top, followlinks=True):
        seen = (each for each in folders if not each.startswith("."))
        there = {each: os.path.join(here, each) for each in seen}  # noqa: PTH118  # as above
        around = above.pop(here)
        real = {each: os.path.realpath(path) for each, path in there.items()}
        folders[:] = [each for each in there if real[each] not in around]
        above |= {there[each]: around | {real[each]} for each in folders}
        yield here, names


def image_file(root: Path, picture: Picture) -> Path:
    """Where an image lies."""
    return root / picture.split / IMAGES / f"{picture.path}{picture.suffix}"


def label_file(root: Path, name: str, task: str, suffix: str) -> Path:
    """Where the label of a sample lies in a file of this suffix."""
    split, path = name.split("/", 1)
    return root / split / FOLDERS[task] / f"{path}{suffix}"


def in_any_case(file: Path) -> Path | None:
    """A file with this suffix, or with the suffix in capitals, as some programs write it."""
    suffix, stem = file.suffix, file.name.removesuffix(file.suffix)
    spellings = (suffix, suffix.upper(), suffix.title())
    cases = (file.with_name(stem + spelling) for spelling in spellings)
    return next((each for each in cases if each.is_file()), None)
