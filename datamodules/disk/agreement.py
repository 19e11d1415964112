"""Whether the files of one sample belong together."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from datamodules.disk.images import UnreadableFileError


def check_fit(
    image_file: Path, image: np.ndarray, camera_file: Path, centre: Sequence[float] | np.ndarray
) -> None:
    """Refuse an image that was scaled without its camera, or the other way round.

    Args:
        image_file: Where the image comes from.
        image: What it holds, `[height, width, 3]`.
        camera_file: Where the camera comes from.
        centre: The principal point in pixels, x and y.

    Raises:
        UnreadableFileError: The point is farther from the image's middle than a quarter of it.
    """
    height, width = image.shape[:2]
    x, y = float(centre[0]), float(centre[1])
    if abs(x - width / 2) > width / 4 or abs(y - height / 2) > height / 4:
        raise UnreadableFileError(
            f"`{camera_file}` should fit the image `{image_file}` of {width} x {height} pixels,"
            f" found the principal point ({x:g}, {y:g}), far from its middle."
            " Scale the camera file as the images were scaled, or use the full-size images."
        )


def same_size(
    name: str, image: np.ndarray, task: str, file: Path, label: Shaped[np.ndarray, "..."]
) -> Shaped[np.ndarray, "..."]:
    """Give a label back if it has as many pixels as its image.

    Args:
        name: The sample's.
        image: Its image, `[height, width, 3]`.
        task: The label's.
        file: Where the label comes from.
        label: What it holds, `[height, width, ...]`.

    Raises:
        UnreadableFileError: They differ.
    """
    expected, found = image.shape[:2], label.shape[:2]
    if found != expected:
        raise UnreadableFileError(
            f"Sample `{name}`: `{task}` should have the image's {expected[0]} x {expected[1]}"
            f" pixels, found {found[0]} x {found[1]} in `{file}`. Replace the sample's files by"
            " intact ones, scaled alike, or put it on a skip list."
        )
    return label
