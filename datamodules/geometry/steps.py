"""Steps of joint geometry: each extends the map from the source to what the network sees."""

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np

from datamodules.geometry.affine import Affine, Size, assumed_camera, checked_size
from datamodules.geometry.sampling import sampling
from datamodules.geometry.warp import warp
from datamodules.labels import IGNORE
from datamodules.transforms import Sample, Transform, checked_probability

# Classes of a crop are counted at no more places than this along either side.
THUMBNAIL = 64


class Geometry(Transform):
    """A change of place, of image, labels and camera alike."""

    @abstractmethod
    def extend(self, affine: Affine, sample: Sample, random: np.random.Generator) -> Affine:
        """The map from the source `sample` to this step's view.

        Args:
            affine: The map from the source to this step's input.
            sample: The source, of which nothing has moved yet.
            random: Gives all random numbers.
        """

    def __call__(self, sample: Sample, random: np.random.Generator) -> Sample:
        start = Affine.identity(_size(sample))
        return warp(sample, self.extend(start, sample, random))


class Joint(Geometry):
    """Several steps as one, with a single resampling.

    What one step cuts off and a later one shows again, by padding or rolling, comes from the
    source: only what lies beyond the source is unknown.

    Args:
        steps: In the order in which they are applied.
    """

    def __init__(self, steps: Sequence[Geometry]) -> None:
        self.steps = tuple(steps)

    def extend(self, affine: Affine, sample: Sample, random: np.random.Generator) -> Affine:
        for step in self.steps:
            affine = step.extend(affine, sample, random)
        return affine


class Resize(Geometry):
    """Stretches everything to one size; the camera is scaled, depth stays.

    Args:
        size: Height and width afterwards.
    """

    def __init__(self, size: Size) -> None:
        self.size = checked_size("size", size)

    def extend(self, affine: Affine, sample: Sample, random: np.random.Generator) -> Affine:
        return affine.resized(self.size)


class RandomZoom(Geometry):
    """Magnifies everything, as if the scene were nearer: depth is divided by the factor.

    The camera is scaled as in a resize; `warp` says why both together are exact.

    Args:
        scale: Smallest and largest factor.
    """

    def __init__(self, scale: tuple[float, float] = (0.75, 1.5)) -> None:
        if len(scale) != 2 or not 0 < scale[0] <= scale[1] < np.inf:
            raise ValueError(f"`scale` should be positive and rise or stay, found {scale}.")
        self.scale = (scale[0], scale[1])

    def extend(self, affine: Affine, sample: Sample, random: np.random.Generator) -> Affine:
        zoom = random.uniform(*self.scale)
        height, width = affine.size
        return affine.resized((max(1, round(height * zoom)), max(1, round(width * zoom))), zoom)


class RandomRotation(Geometry):
    """Rolls the view about the optical axis; corners that come into view are unknown.

    Where the camera is not known, pixels are taken for squares and the axis for the middle.

    Args:
        degrees: Largest angle, to either side.
    """

    def __init__(self, degrees: float = 20.0) -> None:
        if not 0 <= degrees <= 180:
            raise ValueError(f"`degrees` should lie in [0, 180], found {degrees}.")
        self.degrees = degrees

    def extend(self, affine: Affine, sample: Sample, random: np.random.Generator) -> Affine:
        camera = sample.get("camera", assumed_camera(_size(sample)))
        return affine.turned(random.uniform(-self.degrees, self.degrees), camera)


class RandomFlip(Geometry):
    """Mirrors left to right: normals change the sign of x, the camera its cx.

    Args:
        probability: How often.
    """

    def __init__(self, probability: float = 0.5) -> None:
        self.probability = checked_probability(probability)

    def extend(self, affine: Affine, sample: Sample, random: np.random.Generator) -> Affine:
        return affine.mirrored() if random.random() < self.probability else affine


class RandomCrop(Geometry):
    """Cuts out a window at a random place; what is smaller lies at a random place in padding.

    The window is moved and stretched by less than a pixel of the source, so that it cuts none.

    Args:
        size: Height and width of the window.
        largest_share: No class should fill a larger share of the known pixels; 1 for any.
            The last try is taken as it is. (The field's `cat_max_ratio`, there 0.75.)
        tries: Number of tries.
    """

    def __init__(self, size: Size, largest_share: float = 1.0, tries: int = 10) -> None:
        self.size = checked_size("size", size)
        if not 0 < largest_share <= 1:
            raise ValueError(f"`largest_share` should lie in (0, 1], found {largest_share}.")
        if tries < 1:
            raise ValueError(f"`tries` should be at least 1, found {tries}.")
        self.largest_share = largest_share
        self.tries = tries

    def extend(self, affine: Affine, sample: Sample, random: np.random.Generator) -> Affine:
        for _ in range(self.tries):
            top, left = (
                int(random.integers(min(room, 0), max(room, 0) + 1))
                for room in (affine.size[0] - self.size[0], affine.size[1] - self.size[1])
            )
            crop = affine.cut(top, left, self.size).snapped(_size(sample))
            if self.largest_share == 1 or _share(sample, crop) <= self.largest_share:
                break
        return crop


class Pad(Geometry):
    """Adds unknown pixels to the right and below; places in the image stay what they are.

    Args:
        size: Height and width afterwards.
    """

    def __init__(self, size: Size) -> None:
        self.size = checked_size("size", size)

    def extend(self, affine: Affine, sample: Sample, random: np.random.Generator) -> Affine:
        if affine.size[0] > self.size[0] or affine.size[1] > self.size[1]:
            raise ValueError(
                f"`size` of the padding should hold the image, found {self.size} for the"
                f" {affine.size} pixels of sample `{sample.get('name', 'without a name')}`."
                " Resize or crop it before, or pad to a larger size."
            )
        return affine.cut(0, 0, self.size)


def joined(transforms: Sequence[Transform]) -> list[Transform]:
    """The same transforms with neighbouring steps of geometry as one, resampled once."""
    merged: list[Transform] = []
    for transform in transforms:
        if merged and isinstance(transform, Geometry) and isinstance(merged[-1], Geometry):
            merged[-1] = Joint([merged[-1], transform])
        else:
            merged.append(transform)
    return merged


def _size(sample: Sample) -> Size:
    height, width = sample["image"].shape[:2]
    return height, width


def _share(sample: Sample, crop: Affine) -> float:
    """Share of the most frequent class in the known pixels of a crop; 1 where all is unknown."""
    if "segmentation" not in sample:
        raise ValueError(
            "`largest_share` needs classes, but sample"
            f" `{sample.get('name', 'without a name')}` has no `segmentation`."
            " Ask for that task too, or set it to 1."
        )
    height, width = crop.size
    small = crop.resized((min(height, THUMBNAIL), min(width, THUMBNAIL)))
    segmentation = sample["segmentation"]
    classes = sampling(small, segmentation.shape[:2]).nearest(segmentation, float(IGNORE))
    counts = np.unique(classes[classes != IGNORE], return_counts=True)[1]
    return float(counts.max() / counts.sum()) if counts.size else 1.0
