"""The scenes of Virtual KITTI 2, and the splits that they make."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from datamodules.base import SPLITS
from datamodules.disk.names import read_splits

STORED = Path(__file__).parent / "splits.txt"

FRAMES: Mapping[str, int] = {
    "Scene01": 447,
    "Scene02": 233,
    "Scene06": 270,
    "Scene18": 339,
    "Scene20": 837,
}
"""How many frames each scene has, in every variation."""


def stored_scenes() -> dict[str, list[str]]:
    """The scenes of each split, as they are stored with this package."""
    return read_splits(STORED)


def checked_scenes(scenes: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Give the scenes of each split back if they can make one."""
    listed = [scene for split in scenes.values() for scene in split]
    if not set(scenes) <= set(SPLITS) or not set(listed) <= set(FRAMES):
        raise ValueError(
            f"`scenes` should give some of {list(FRAMES)} to each of {list(SPLITS)},"
            f" found {dict(scenes)}."
        )
    if not listed:
        raise ValueError(
            f"`scenes` should give at least one split a scene, found {dict(scenes)}. Leave it out"
            " for the stored splits."
        )
    if len(set(listed)) < len(listed):
        raise ValueError(
            f"`scenes` should hold each scene once, found {dict(scenes)}: variations and cameras of"
            " one scene show the same places, so no scene can be trained and evaluated on."
        )
    return {split: tuple(scenes.get(split, ())) for split in SPLITS}
