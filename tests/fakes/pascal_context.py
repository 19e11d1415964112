"""A tree of PASCAL-Context's multi-task variant, written with SciPy, Pillow and NumPy alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
from PIL import Image

from datamodules import PASCALContext
from datamodules.transforms import Sample

SIZES = {
    "2008_000002": (24, 32),
    "2008_000007": (30, 20),
    "2009_000003": (24, 32),
    "2009_000004": (30, 20),
}
SPLITS = {"train": ("2008_000007", "2008_000002"), "val": ("2009_000003", "2009_000004")}
PEOPLE, NOBODY, DOG, BOTH = SIZES
"""What is in the four photos: a person with parts and one without; nobody; a dog; both again."""
FOLDERS = {
    "JPEGImages": ".jpg",
    "semseg/VOC12": ".png",
    "semseg/pascal-context": ".png",
    "pascal-context/trainval": ".mat",
    "human_parts": ".mat",
    "normals_distill": ".png",
    "sal_distill": ".png",
}


def box(size: tuple[int, int], top: int, left: int, height: int, width: int) -> np.ndarray:
    mask = np.zeros(size, np.uint8)
    mask[top : top + height, left : left + width] = 1
    return mask


def structs(fields: Sequence[str], rows: Sequence[Sequence[Any]]) -> np.ndarray:
    """MATLAB's 1 x n structs; 0 x 0 for none."""
    if not rows:
        return np.zeros((0, 0))
    array = np.empty((1, len(rows)), dtype=[(field, object) for field in fields])
    for place, row in enumerate(rows):
        array[0, place] = tuple(row)
    return array


def thing(name: str, number: int, size: tuple[int, int], parts: Mapping[str, np.ndarray]) -> list:
    return [name, number, box(size, 0, 0, 9, 9), structs(["part_name", "mask"], [*parts.items()])]


def objects(name: str) -> list[list]:
    """The annotated things of a photo."""
    size = SIZES[name]
    # The hair lies over the torso, the left foot over it all.
    person = {
        "torso": box(size, 4, 4, 8, 6),
        "hair": box(size, 2, 4, 4, 6),
        "ruarm": box(size, 6, 2, 3, 2),
        "lhand": box(size, 9, 2, 2, 2),
        "luleg": box(size, 12, 4, 3, 2),
        "lfoot": box(size, 15, 4, 2, 2),
    }
    without = thing("person", 15, size, {})
    dog = thing("dog", 12, size, {"lfpa": box(size, 0, 0, 3, 3)})  # a paw, of no person
    return {
        PEOPLE: [thing("person", 15, size, person), without, dog],
        NOBODY: [],
        DOG: [dog, without],
        BOTH: [thing("person", 15, size, {"nose": box(size, 1, 1, 1, 1)})],
    }[name]


def write_annotation(file: Path, things: list[list]) -> None:
    fields = ["class", "class_ind", "mask", "parts"]
    content = {"imname": f"{file.stem}.jpg", "objects": structs(fields, things)}
    scipy.io.savemat(file, {"anno": content})


def maps(name: str) -> dict[str, np.ndarray]:
    """Pixels of the pictures of a photo, and of its `LabelMap`."""
    size = SIZES[name]
    rng = np.random.default_rng(int(name[-1]))
    found = {
        "image": rng.integers(0, 256, (*size, 3), dtype=np.uint8),
        "classes": np.zeros(size, np.uint8),
        "regions": np.full(size, 440, np.uint16),  # wall: has normals
        "normals": np.full((*size, 3), (128, 128, 255), np.uint8),
        "saliency": np.zeros(size, np.uint8),
    }
    found["classes"][3, 5:8] = (15, 20, 255)
    found["regions"][:, 10:] = 284  # person: has normals
    found["regions"][20:, :] = 360  # sky: has none
    found["normals"][3, 5:8] = ((204, 128, 230), (128, 255, 128), (127, 128, 127))
    found["normals"][3, 8:10] = ((128, 128, 160), (255, 255, 255))  # of length 1/4, and √3
    found["saliency"][3, 5:8] = (127, 128, 255)
    return found


def write_photo(root: Path, name: str) -> None:
    pixels = maps(name)
    image = Image.fromarray(pixels["image"])
    image.save(root / "JPEGImages" / f"{name}.jpg", quality=100, subsampling=0)
    # The first has a palette in VOC12, the second is grey and derived, the fourth is in both.
    if name in (PEOPLE, DOG, BOTH):
        ids = pixels["classes"]
        picture = with_palette(ids) if name == PEOPLE else Image.fromarray(ids)
        picture.save(root / "semseg" / "VOC12" / f"{name}.png")
    if name in (NOBODY, BOTH):
        derived = pixels["classes"] if name == NOBODY else np.full(SIZES[name], 3, np.uint8)
        Image.fromarray(derived).save(root / "semseg" / "pascal-context" / f"{name}.png")
    write_regions(root, name, pixels["regions"])
    write_annotation(root / "human_parts" / f"{name}.mat", objects(name))
    Image.fromarray(pixels["normals"]).save(root / "normals_distill" / f"{name}.png")
    Image.fromarray(pixels["saliency"]).save(root / "sal_distill" / f"{name}.png")


def with_palette(ids: np.ndarray) -> Image.Image:
    image = Image.frombytes("P", ids.shape[::-1], ids.tobytes())
    image.putpalette([value for id in range(256) for value in (id, 255 - id, 7)])
    return image


def write_regions(root: Path, name: str, regions: np.ndarray) -> None:
    file = root / "pascal-context" / "trainval" / f"{name}.mat"
    scipy.io.savemat(file, {"LabelMap": regions})


def write_tree(root: Path) -> Path:
    """Two photos per split, of two sizes."""
    for folder in (*FOLDERS, "ImageSets/Context"):
        (root / folder).mkdir(parents=True)
    for split, names in SPLITS.items():
        (root / "ImageSets" / "Context" / f"{split}.txt").write_text("\n".join(names) + "\n")
        for name in names:
            write_photo(root, name)
    return root


def read(root: Path, name: str, tasks: Sequence[str], **settings: Any) -> Sample:
    """Reads a photo as it is stored."""
    data = PASCALContext(root, (24, 32), **settings)
    photos = [*data.records("train"), *data.records("val")]
    return data.reader()(next(photo for photo in photos if photo.name == name), tasks)
