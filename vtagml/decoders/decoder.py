"""The contract of all decoders: a trunk, a linear head, and a map at the image's size."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TypeVar

from jaxtyping import Float
from torch import Tensor, nn

from vtagml.decoders.maps import Map, Scores, upsample

LEVELS = 4

Layer = TypeVar("Layer", nn.Linear, nn.Conv2d)

# Output of a fresh head, relative to the root mean square of the features it reads: close enough
# to zero that no task starts with a large loss of chance, yet the trunk has a gradient.
HEAD_SCALE = 0.1


class Decoder(nn.Module, ABC):
    """Map of one task from a feature pyramid: a trunk, then a linear head (Sec. 3.3).

    Sizes of images are multiples of 32. Images of a batch do not see each other: no decoder has a
    BatchNorm, because streams of several tasks may be folded into the batch, because its
    statistics would differ between ranks, and because TROA needs the gradient of every image
    at the fork to be that image's own.

    Args:
        channels: Channels of the four levels, finest first.
        outputs: Channels of the map.
        features: Channels that the trunk gives to the head.
    """

    reads_summary = False
    """Whether the trunk is given the backbone's summary of the image behind the four levels."""

    def __init__(self, channels: Sequence[int], outputs: int, features: int) -> None:
        super().__init__()
        self.channels = checked_channels(channels)
        self.features = positive(features, "width")
        self.head = self.make_head(outputs)

    @abstractmethod
    def trunk(self, pyramid: list[Map]) -> Float[Tensor, "batch ..."]:
        """Features that the head reads, from levels at strides 4, 8, 16, 32."""

    def make_head(self, outputs: int) -> nn.Module:
        """A fresh linear head for this trunk; `Shared` asks for one per task."""
        return small(nn.Conv2d(self.features, positive(outputs, "outputs"), kernel_size=1))

    def finish(self, scores: Scores, size: tuple[int, int]) -> Scores:
        """The head's output brought to the image's size."""
        return upsample(scores, size)

    @property
    def plain_head(self) -> nn.Linear | None:
        """The head, if all that is done is to give it the backbone's summary as it is."""
        return None

    def forward(self, pyramid: list[Float[Tensor, "batch ..."]], size: tuple[int, int]) -> Scores:
        """Map at height and width `size`, in the dtype of the pyramid's finest level."""
        scores = self.head(self.read(pyramid)).to(pyramid[0].dtype)
        return self.finish(scores, size)

    def read(self, pyramid: list[Float[Tensor, "batch ..."]]) -> Float[Tensor, "batch ..."]:
        """The trunk's features, of the levels and, for a trunk that reads it, the summary."""
        found = tuple(level.shape[1] for level in pyramid[:LEVELS])
        if found != self.channels:
            raise ValueError(
                f"`pyramid` must have levels of {self.channels} channels, finest first, found "
                f"{found}; build the decoder with the encoder's `channels`."
            )
        return self.trunk(pyramid if self.reads_summary else pyramid[:LEVELS])


def small(layer: Layer) -> Layer:
    """The same layer, initialised so that its outputs start near zero."""
    fan_in = layer.weight[0].numel()
    nn.init.trunc_normal_(layer.weight, std=HEAD_SCALE * fan_in**-0.5)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def positive(number: int, name: str) -> int:
    if number < 1:
        raise ValueError(f"`{name}` must be at least 1, found {number}.")
    return number


def divisible(number: int, divisor: int, name: str) -> int:
    """The number itself, if it is a positive multiple of `divisor`."""
    if number < 1 or number % divisor:
        raise ValueError(
            f"`{name}` must be a positive multiple of {divisor}, found {number}; "
            f"the nearest is {max(divisor, round(number / divisor) * divisor)}."
        )
    return number


def checked_channels(channels: Sequence[int]) -> tuple[int, ...]:
    if len(channels) != LEVELS or min(channels) < 1:
        raise ValueError(
            f"`channels` must be four positive numbers, one per pyramid level (strides 4, 8, 16, "
            f"32), found {tuple(channels)}; pass the encoder's `channels`."
        )
    return tuple(channels)
