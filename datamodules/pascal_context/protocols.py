"""How the papers on PASCAL-Context train and evaluate: two lines, with other numbers."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import cv2
import numpy as np

from datamodules.disk.values import SHORTEST_NORMAL
from datamodules.geometry import Affine, RandomCrop, RandomFlip, RandomRotation, RandomZoom, Resize
from datamodules.geometry.affine import Size
from datamodules.geometry.sampling import Sampling
from datamodules.geometry.steps import Geometry, Joint, Pad
from datamodules.geometry.warp import WARPED, Way, turned, warp
from datamodules.photometric import Photometric
from datamodules.predictions.native import NATIVE, NETWORK
from datamodules.transforms import Sample, Transform

MEAN_COLOUR = (124, 116, 104)
"""Of ImageNet, which is 0 behind the usual normalisation."""


class Protocol(ABC):
    """What one line of papers does to photos and labels; a sibling is another line."""

    evaluated_at: ClassVar[str]
    """Where it scores predictions by default, as in `FileDataModule`."""

    @abstractmethod
    def geometry(self, size: Size, tasks: Sequence[str]) -> Sequence[Transform]:
        """Changes of image and labels together in training, which end at `size`."""

    @abstractmethod
    def augment(self) -> Sequence[Transform]:
        """Changes of the image alone in training."""

    @abstractmethod
    def views(self, size: Size) -> Sequence[Transform]:
        """What brings an image, or image and labels, to `size` in evaluation."""


class Stretched(Protocol):
    """The line of ASTMT, Vandenhende et al., MTLoRA, and, most likely, VMT-Adapter.

    Training: mirrored half the time, zoomed by 0.75 to 1.25 about the middle, rolled by up to 20
    degrees, stretched to the network's size; no change of colours. Image and normals are
    interpolated by cubic polynomials, so that normals next to unknown ones are known as far as half
    of what is interpolated is; all else takes the nearest pixel.

    What comes into view beyond the image is black, and known: background, no part, not salient, no
    boundary. It has no normals.

    Evaluation: stretched, and scored at the network's size.

    Note:
        The papers resample twice, here it is once. They bring every normal that is not 0 to length
        1; where the polynomials undershoot beside an unknown one it would point backwards, so what
        is shorter than 0.5 stays unknown here.
    """

    evaluated_at = NETWORK

    def geometry(self, size: Size, tasks: Sequence[str]) -> Sequence[Transform]:
        steps = (RandomFlip(), CentredZoom((0.75, 1.25)), RandomRotation(20.0), Resize(size))
        return [View(steps, STRETCHED)]

    def augment(self) -> Sequence[Transform]:
        return []

    def views(self, size: Size) -> Sequence[Transform]:
        return [View([Resize(size)], STRETCHED)]


class Cropped(Protocol):
    """The line of ATRC, InvPT and TaskPrompter.

    Training: zoomed by 0.5 to 2, cropped so that no class fills more than 75 %, mirrored half the
    time, then brightness, contrast, saturation and hue changed. The image is interpolated linearly,
    or averaged where it shrinks; all else takes the nearest pixel. What comes into view beyond the
    image is unknown, and has ImageNet's mean colour.

    Evaluation: padded on the right and below, nothing scaled, and scored at the size on disk.

    Note:
        The papers add to brightness where `Photometric` multiplies, and know no average. Their loss
        of normals is a sum over the three components: with one that is a mean, as those of
        `Stretched` have it, the same training needs three times its weight.
    """

    evaluated_at = NATIVE

    def geometry(self, size: Size, tasks: Sequence[str]) -> Sequence[Transform]:
        share = 0.75 if "segmentation" in tasks else 1.0
        return [View([RandomZoom((0.5, 2.0)), RandomCrop(size, share), RandomFlip()], CROPPED)]

    def augment(self) -> Sequence[Transform]:
        return [Photometric(32 / 255, 0.5, 0.5, hue=18 / 360, noise=0.0)]

    def views(self, size: Size) -> Sequence[Transform]:
        return [Padded(size)]


class CentredZoom(RandomZoom):
    """Magnifies everything about the middle; the view keeps its size.

    Args:
        scale: Smallest and largest factor.
    """

    def extend(self, affine: Affine, sample: Sample, random: np.random.Generator) -> Affine:
        zoomed = super().extend(affine, sample, random)
        top, left = ((new - old) // 2 for new, old in zip(zoomed.size, affine.size, strict=True))
        return zoomed.cut(top, left, affine.size)


class View(Transform):
    """Steps of geometry with a single resampling, in which maps go other ways than usual.

    Args:
        steps: In the order in which they are applied.
        ways: How maps are resampled and filled.
    """

    def __init__(self, steps: Sequence[Geometry], ways: Mapping[str, Way]) -> None:
        self.steps = Joint(steps)
        self.ways = dict(ways)

    def __call__(self, sample: Sample, random: np.random.Generator) -> Sample:
        height, width = sample["image"].shape[:2]
        affine = self.steps.extend(Affine.identity((height, width)), sample, random)
        return warp(sample, affine, self.ways)


class Padded(View):
    """Adds what is unknown to the right and below; `shown` says how far the image goes.

    Args:
        size: Height and width afterwards.
    """

    def __init__(self, size: Size) -> None:
        super().__init__([Pad(size)], CROPPED)

    def __call__(self, sample: Sample, random: np.random.Generator) -> Sample:
        shown = np.array(sample["image"].shape[:2])
        return super().__call__(sample, random) | {"shown": shown}


def nearest_or_0(values: np.ndarray, look: Sampling, camera: np.ndarray) -> np.ndarray:
    """The nearest pixel's value; 0 beyond the source."""
    return look.nearest(values, 0.0)


def cubic_image(image: np.ndarray, look: Sampling, camera: np.ndarray) -> np.ndarray:
    """Interpolated by cubic polynomials; black beyond the source."""
    return look.nearest(image, 0.0) if look.exact else cubic(image, look)


def cubic_normals(normals: np.ndarray, look: Sampling, camera: np.ndarray) -> np.ndarray:
    """Interpolated by cubic polynomials with unknown normals as 0, then brought to length 1."""
    if look.exact:
        return WARPED["normals"](normals, look, camera)
    view = cubic(np.nan_to_num(normals, nan=0.0), look)
    length = np.sqrt(np.einsum("...c,...c->...", view, view))[..., None]
    known = length >= SHORTEST_NORMAL
    unit = np.where(known, view / np.where(known, length, np.float32(1)), np.float32(np.nan))
    return turned(unit, look, camera)


def cubic(values: np.ndarray, look: Sampling) -> np.ndarray:
    """Values between pixels by cubic polynomials; 0 beyond the source."""
    return look.interpolated(values, 0.0, look.affine.matrix, cv2.INTER_CUBIC)


def image_on_mean(image: np.ndarray, look: Sampling, camera: np.ndarray) -> np.ndarray:
    """Resampled as ever; of the mean colour beyond the source."""
    view = WARPED["image"](image, look, camera)
    inside = look.nearest(np.ones(image.shape[:2], np.bool_), 0.0)
    view[~inside] = MEAN_COLOUR
    return view


STRETCHED: Mapping[str, Way] = {
    "image": cubic_image,
    "normals": cubic_normals,
    **dict.fromkeys(("segmentation", "human_parts", "saliency", "edges"), nearest_or_0),
}
CROPPED: Mapping[str, Way] = {"image": image_on_mean}
