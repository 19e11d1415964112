"""Scenes as PASCAL-Context's multi-task variant: `PASCAL_MT`."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import cv2
import numpy as np
from jaxtyping import Bool, UInt8, UInt16

from datamodules.labels import IGNORE
from datamodules.pascal_context.classes import PASCAL_21, PERSON
from datamodules.pascal_context.reader import BY_PEOPLE, DERIVED, IMAGES, NORMALS, REGIONS
from datamodules.predictions import Normals
from datamodules.rendering import PHOTO_CLASSES, Frame
from datamodules.writing.files import structs
from datamodules.writing.layout import Encode, Layout, Place

# What the annotation calls the parts that the figures have: one side's name for both sides, which
# are of one category.
_PARTS: Mapping[str, str] = {
    "head": "head",
    "torso": "torso",
    "upper arm": "luarm",
    "lower arm": "llarm",
    "upper leg": "luleg",
    "lower leg": "llleg",
}
_NAMES = tuple(name for name, _ in PHOTO_CLASSES)
# PASCAL-Context's own ids of what the renderer draws; sky and plants are of those without normals.
_CONTEXT: Mapping[str, int] = {
    "sky": 360,
    "grass": 181,
    "floor": 158,
    "wall": 440,
    "clutter": 46,
    **dict.fromkeys(_PARTS, 284),
    "dog": 113,
    "chair": 72,
    "table": 397,
    "car": 59,
    "plant": 308,
    "bottle": 34,
}
RIM = 1
"""So many pixels on both sides of a border are void in `VOC12`."""
STANDS_OUT = 0.5
"""What weighs at least this share of the heaviest thing is salient."""


class PASCALContextTree(Layout):
    """The tree that the archive unpacks to, with a photo's labels in the files that it has there.

    - `semseg`: of every second photo in `VOC12`, with void rims, of the others in `pascal-context`.
    - `human_parts`: all people in a photo are one person with parts, and its dogs one dog, whose
      parts no reader takes. Photos without people have no person.
    - `sal_distill`: things that are large and near the middle, see `salient`, for a network's word.
    - `normals_distill`: x left, y up, z to the camera, also where `LabelMap` says that no network
      could know them; grey in the sky.
    - Two splits, as in the dataset: its photos for `val` are those for test, too.
    """

    word = "pascal_context"
    form = "multitask"
    config = "pascal_context_sphn"
    held_out = ("val",)
    scenery = "photo"
    size = (375, 500)
    ids: ClassVar[Mapping[str, int]] = {
        **dict.fromkeys(("sky", "grass", "floor", "wall", "clutter"), 0),
        **dict.fromkeys(_PARTS, PERSON),
        "dog": 12,
        "chair": 9,
        "table": 11,
        "car": 7,
        "plant": 16,
        "bottle": 5,
    }

    def names(self, split: str, count: int) -> Sequence[str]:
        year = {"train": 2008, "val": 2009}[split]
        return [f"{year}_{number:06d}" for number in range(1, count + 1)]

    def files(self, place: Place) -> Mapping[str, Encode]:
        by_people = place.index % 2 == 0
        classes: tuple[str, Encode] = (
            (BY_PEOPLE, self.rimmed) if by_people else (DERIVED, self.class_ids)
        )
        return {
            f"{IMAGES}/{place.name}.jpg": lambda frame: frame.image,
            f"{classes[0]}/{place.name}.png": classes[1],
            f"{REGIONS}/{place.name}.mat": lambda frame: {"LabelMap": regions(frame)},
            f"human_parts/{place.name}.mat": lambda frame: {"anno": annotation(place.name, frame)},
            f"sal_distill/{place.name}.png": lambda frame: salient(frame).astype(np.uint8) * 255,
            f"{NORMALS}/{place.name}.png": lambda frame: Normals((-1, -1, -1))(frame.normals),
        }

    def shared(self, places: Sequence[Place], size: tuple[int, int]) -> Mapping[str, Any]:
        lists = dict.fromkeys(("train", "val"), "")
        for place in places:
            lists[place.split] += f"{place.name}\n"
        return {f"ImageSets/Context/{split}.txt": names for split, names in lists.items()}

    def rimmed(self, frame: Frame) -> UInt8[np.ndarray, "height width"]:
        """The classes, void along their borders."""
        ids = self.class_ids(frame)
        window = np.ones((2 * RIM + 1, 2 * RIM + 1), np.uint8)
        return np.where(cv2.dilate(ids, window) == cv2.erode(ids, window), ids, np.uint8(IGNORE))


def regions(frame: Frame) -> UInt16[np.ndarray, "height width"]:
    """The ids of all that is to be seen among PASCAL-Context's 459."""
    return np.array([_CONTEXT[name] for name in _NAMES], np.uint16)[frame.segmentation]


def things(frame: Frame) -> Bool[np.ndarray, "height width"]:
    """What is of one of the classes, and no background."""
    ids = PASCALContextTree.ids
    return np.array([ids[name] > 0 for name in _NAMES])[frame.segmentation]


def salient(frame: Frame) -> Bool[np.ndarray, "height width"]:
    """Things that stand out: those that weigh at least half of the heaviest.

    A thing is what hangs together in the picture; its weight is the sum of exp(-r²) over its
    pixels, for the distance r from the middle in halves of the picture's sides. This stands in for
    the opinion of the network that made the dataset's labels.
    """
    height, width = frame.segmentation.shape
    count, places = cv2.connectedComponents(things(frame).astype(np.uint8))
    down, across = (np.linspace(-1, 1, length) for length in (height, width))
    near = np.exp(-(down[:, None] ** 2) - across**2)
    weights = np.bincount(places.ravel(), near.ravel(), minlength=count)
    weights[0] = 0  # what is no thing
    stands_out = (weights >= STANDS_OUT * weights.max()) & (weights > 0)
    return stands_out[places]


def annotation(name: str, frame: Frame) -> dict[str, Any]:
    """The struct `anno` of a photo, with nested structs as object arrays, as SciPy writes them."""
    objects = []
    for thing, parts in (("person", _PARTS), ("dog", {"dog": "head"})):
        masks = {word: frame.segmentation == _NAMES.index(part) for part, word in parts.items()}
        seen = {word: mask.astype(np.uint8) for word, mask in masks.items() if mask.any()}
        if seen:
            number = PASCAL_21.names.index(thing)
            mask = np.sum(list(seen.values()), axis=0, dtype=np.uint8)
            objects.append((thing, number, mask, structs(("part_name", "mask"), [*seen.items()])))
    return {
        "imname": f"{name}.jpg",
        "objects": structs(("class", "class_ind", "mask", "parts"), objects),
    }
