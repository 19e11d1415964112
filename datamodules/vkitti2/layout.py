"""Scenes as Virtual KITTI 2: `SceneXX/<variation>/frames`, and text files beside them."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from jaxtyping import UInt8

from datamodules.predictions import Metres
from datamodules.rendering import STREET_CLASSES, Frame
from datamodules.vkitti2.classes import COLOURS
from datamodules.vkitti2.reader import CODES_PER_METRE, INTRINSICS
from datamodules.vkitti2.scenes import FRAMES, stored_scenes
from datamodules.writing.layout import Encode, Layout, Place, take
from datamodules.writing.views import Calibration

VARIATION = "15-deg-left"
# The files count a pixel's centre as 0, we its corner: 620.5 and 187 there.
CALIBRATION = Calibration((725.0087, 725.0087), (621.0, 187.5), (375, 1242))
DEPTH = Metres(CODES_PER_METRE, nearest=0, unknown=65535)


class VKITTI2(Layout):
    """The archives unpacked into one folder: camera 0, variation `15-deg-left`, frames from 0 on.

    Frames go in turn to the dataset's scenes of a split, at least one to each. There are no
    pavements and no people in the dataset: they are Terrain and Misc.

    Not written: camera 1, and what no reader needs (instances, flow, other text files).
    """

    word = "vkitti2"
    form = "plain"
    config = "vkitti2_sdn"
    scenery = "street"
    size = CALIBRATION.size
    calibration = CALIBRATION
    categories: ClassVar[Mapping[str, str]] = {
        "road": "Road",
        "sidewalk": "Terrain",
        "building": "Building",
        "pole": "Pole",
        "sign": "TrafficSign",
        "tree": "Tree",
        "person": "Misc",
        "car": "Car",
        "sky": "Sky",
    }
    ids: ClassVar[Mapping[str, int]] = {
        name: list(COLOURS).index(category) for name, category in categories.items()
    }

    def counts(self, train: int) -> dict[str, int]:
        # Val and test are short scenes, which must not bound training; and no scene may be empty.
        wanted = super().counts(train)
        scenes = stored_scenes()
        evaluated = {split: min(wanted[split], len(_numbering(split))) for split in ("val", "test")}
        return {"train": max(train, len(scenes["train"])), **evaluated}

    def names(self, split: str, count: int) -> Sequence[str]:
        return take(_numbering(split), count, f"frames for {split}")

    def files(self, place: Place) -> Mapping[str, Encode]:
        scene, number = place.name.split("/")
        encoders: dict[tuple[str, str], Encode] = {
            ("rgb", "rgb_{}.jpg"): lambda frame: frame.image,
            ("depth", "depth_{}.png"): lambda frame: DEPTH(frame.depth),
            ("classSegmentation", "classgt_{}.png"): self.colours,
        }
        frames = f"{scene}/{VARIATION}/frames"
        return {
            f"{self.folder(kind)}{frames}/{kind}/Camera_0/{file.format(number)}": encode
            for (kind, file), encode in encoders.items()
        }

    def shared(self, places: Sequence[Place], size: tuple[int, int]) -> Mapping[str, Any]:
        numbers: dict[str, list[int]] = {}
        for place in places:
            scene, number = place.name.split("/")
            numbers.setdefault(scene, []).append(int(number))
        return {
            f"{self.folder('textgt')}{scene}/{VARIATION}/intrinsic.txt": _intrinsics(frames, size)
            for scene, frames in numbers.items()
        }

    def folder(self, kind: str) -> str:
        """What comes before the scene in the path of a file of this archive."""
        return ""

    def colours(self, frame: Frame) -> UInt8[np.ndarray, "height width 3"]:
        names = [self.categories[name] for name, _ in STREET_CLASSES]
        return np.array([COLOURS[name] for name in names], np.uint8)[frame.segmentation]


class VKITTI2ByArchive(VKITTI2):
    """Every archive unpacked into a folder of its own name."""

    form = "archives"

    def folder(self, kind: str) -> str:
        return f"vkitti_2.0.3_{kind}/"


def _numbering(split: str) -> list[str]:
    """The dataset's frames of a split, the first of every scene first."""
    scenes = stored_scenes()[split]
    longest = max(FRAMES[scene] for scene in scenes)
    frames = ((scene, number) for number in range(longest) for scene in scenes)
    return [f"{scene}/{number:05d}" for scene, number in frames if number < FRAMES[scene]]


def _intrinsics(frames: Sequence[int], size: tuple[int, int]) -> str:
    fx, fy, cx, cy = CALIBRATION.at(size)
    values = " ".join(f"{value:.10g}" for value in (fx, fy, cx - 0.5, cy - 0.5))
    lines = [f"{frame} {camera} {values}\n" for frame in frames for camera in (0, 1)]
    return "".join([" ".join(INTRINSICS) + "\n", *lines])


LAYOUTS: tuple[Layout, ...] = (VKITTI2(), VKITTI2ByArchive())
