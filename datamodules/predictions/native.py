"""What a sample has to remember, so that predictions can be brought back to the image's size."""

from collections.abc import Sequence

import numpy as np

from datamodules.geometry import Affine, warp
from datamodules.samples import Samples
from datamodules.transforms import Sample, Transform

NATIVE, NETWORK = "native", "network"
"""Where predictions are scored: at the size of the labels on disk, or at the network's."""

MOST_PIXELS = 2**23
"""Of the labels in one batch at their size on disk: four images of Cityscapes, 235 MB of SDNE."""


class NativeSize(Transform):
    """Adds `size`, the image's height and width as it is now: comes before it is resized."""

    def __call__(self, sample: Sample, random: np.random.Generator) -> Sample:
        return sample | {"size": np.array(sample["image"].shape[:2])}


class LabelsOnDisk(Transform):
    """Brings the image alone to the network's size; labels keep the size that they have, `size`.

    Predictions are then scored where the labels are, on every pixel of theirs and no other.

    Args:
        tasks: The labels.
        views: Bring an image to the network's size, as for predictions.
    """

    def __init__(self, tasks: Sequence[str], views: Sequence[Transform]) -> None:
        self.tasks = tuple(tasks)
        self.views = (NativeSize(), *views)

    def __call__(self, sample: Sample, random: np.random.Generator) -> Sample:
        labels = {task: sample[task] for task in self.tasks}
        seen = {key: value for key, value in sample.items() if key not in labels}
        for view in self.views:
            seen = view(seen, random)
        return seen | labels


class FitInside(Transform):
    """Brings an image of any shape to one size without distorting it.

    The image fills the upper left corner of the view as far as its shape allows, the rest is
    padding. `shown` says how far: the height and width of the part that shows the image.

    Args:
        size: Height and width of the view.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size

    def __call__(self, sample: Sample, random: np.random.Generator) -> Sample:
        height, width = sample["image"].shape[:2]
        share = min(self.size[0] / height, self.size[1] / width)
        shown = (max(1, round(height * share)), max(1, round(width * share)))
        affine = Affine.identity((height, width)).resized(shown).cut(0, 0, self.size)
        return warp(sample, affine) | {"shown": np.array(shown)}


def fitting_at_once(samples: Samples) -> int:
    """How many samples with their labels on disk are a batch, by the size of the first image."""
    height, width = samples.source.read(samples.source.records[0], ())["image"].shape[:2]
    return max(1, MOST_PIXELS // (height * width))
