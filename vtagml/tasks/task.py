"""The contract of a task."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeAlias

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torchmetrics import MetricCollection

from vtagml.losses.shapes import Field, Pictures, Sums
from vtagml.losses.unknown import full_precision, known
from vtagml.metrics.unit import Unit
from vtagml.tasks.class_map import ClassMap
from vtagml.tasks.key import NO_KEY, Key, Legend, colour_bar
from vtagml.tasks.labels import Labels
from vtagml.tasks.prior import MeanPrior, Prior

Map: TypeAlias = Float[Tensor, "batch channels *size"]
Label: TypeAlias = Shaped[Tensor, "batch ..."]
Span: TypeAlias = tuple[float, float]
"""The smallest and the largest value of a dataset."""

RESERVED = ("image", "name", "camera", "size", "shown", "step")
"""Keys of a sample that are no task."""


class Task(ABC):
    """Everything there is to know about one task: activation, loss, metrics, units, picture.

    A decoder makes a map of `channels` channels; the task turns it into a prediction in the units
    of the labels, into a loss, and into a picture. No other place knows the nature of a task.

    Args:
        name: Key of the task in samples, outputs and logs.
        channels: Number of channels of the decoder's map.
        weight: Fixed weight of the loss, beside the weights that the affinity learns.

    Attributes:
        headline: Key of the one metric that tables and the relative change Δm use.
        higher_is_better: Whether a larger headline metric is better.
        of_whole_image: Whether a prediction is of the image and has no pixels.
        units: How people read each metric; one that is left out, as it is.
        letter: Short name in the papers' tables, such as the S of S-D-N; empty for the own name.
        unit: Of predictions; may be empty.
        error_unit: Of `error`; None where a pixel is right or wrong and nothing between.
        class_map: How predictions become the data's classes, where these are others.
    """

    headline: str
    higher_is_better: bool
    of_whole_image: bool = False
    units: ClassVar[Mapping[str, Unit]] = {}
    letter: str = ""
    unit: str = ""
    class_map: ClassMap | None = None

    def __init__(self, name: str, channels: int, weight: float = 1.0) -> None:
        if not name.isidentifier() or name in RESERVED:
            raise ValueError(
                f"`name` of a task must be one word of letters, digits and underscores and none "
                f"of {', '.join(RESERVED)}, found {name!r}: name the label, for example 'depth'."
            )
        if not (math.isfinite(weight) and weight >= 0):
            raise ValueError(
                f"`weight` of {name} must be a finite number of at least 0, found {weight}: "
                "use 1.0 for no weighting."
            )
        self.name = name
        self.channels = channels
        self.weight = weight

    @property
    def nameable(self) -> int:
        """How many classes of its own it has names for, if it knows them."""
        return self.channels

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """Names of the classes that the map scores, where there are any and they are known."""
        return None

    @abstractmethod
    def predict(self, map: Map) -> Label:
        """The decoder's map in the units of the labels."""

    def averaged(self, maps: Sequence[Map]) -> Label:
        """One prediction of several maps of the same images: the mean of what each predicts."""
        return torch.stack([self.predict(map) for map in maps]).mean(dim=0)

    def mirrored(self, map: Map) -> Map:
        """The map of images that were mirrored left to right, as if they had not been."""
        return map.flip(-1) if map.ndim > 3 else map

    def code(self, span: Span | None = None) -> Callable[[Map], Map]:
        """How other networks see a map, such as one that tells two datasets apart: as it is.

        What they see should have the same range for every dataset and network.

        Args:
            span: Of the labels, for tasks whose predictions have no range of their own.
        """
        return full_precision

    @abstractmethod
    def loss(self, map: Map, target: Label) -> Sums:
        """The sum of the loss over the valid pixels, and their number.

        Without a valid pixel the sum is an exact zero that is still connected to `map`, so that
        every rank of a distributed run has the same graph.
        """

    def count(self, target: Label) -> Shaped[Tensor, ""]:
        """The number of valid pixels that `loss` gives, of the target alone.

        Training divides by it, over ranks and accumulated batches. Whoever counts other pixels in
        its `loss` than those that are known has to override both.
        """
        return known(target).sum()

    @abstractmethod
    def metrics(self) -> MetricCollection:
        """Fresh metrics, to be updated with predictions and targets; unknown labels are ignored."""

    def directions(self) -> dict[str, bool | None]:
        """Whether higher is better, for each metric; None where it does not say."""
        metrics = self.metrics().items()
        own = {name: getattr(metric, "higher_is_better", None) for name, metric in metrics}
        return own | {self.headline: self.higher_is_better}

    def comparable(self) -> dict[str, Any]:
        """What two results must have in common to be compared: words and what holds here."""
        return {}

    def prior(self) -> Prior:
        """A fresh accumulator of the best prediction that never looks at the image."""
        return MeanPrior()

    @abstractmethod
    def picture(self, prediction: Label) -> Pictures:
        """A prediction or a target as colours in [0, 1]; unknown pixels are grey."""

    def legend(self) -> Legend:
        """Names and colours of the classes in the picture; empty where colours are continuous."""
        return []

    def key(self, values: Label) -> Key:
        """What the colours of some predictions or labels mean: a bar where they are one number."""
        if values.ndim != 4 or values.shape[1] != 1:
            return NO_KEY
        return Key([], colour_bar(self.picture, values, self.unit))

    @property
    def error_unit(self) -> str | None:
        return self.unit

    def error(self, prediction: Label, target: Label) -> Field:
        """How wrong each pixel is; NaN where no label says what is right.

        This one takes the absolute difference, the mean over the channels. Nobody asks a task of
        whole images.
        """
        apart = (prediction.double() - target.double()).abs().mean(dim=1, keepdim=True)
        return torch.where(known(target), apart, torch.nan).float()

    def bind(self, labels: Mapping[str, Labels]) -> None:  # noqa: B027 -- nothing to take by default
        """Takes over what the data know about the task: names and colours of its classes.

        Raises:
            ValueError: If the data and the task disagree on the number of classes, and no names
                say which of them are the same.
        """

    def trained_on(self, names: Sequence[str]) -> None:  # noqa: B027 -- likewise
        """Learns the names of the classes that the map scores; to be followed by `bind`."""
