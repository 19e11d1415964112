"""Light convolutional decoders: a top-down pyramid of 3x3 convolutions."""

from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor, nn

from vtagml.decoders.decoder import LEVELS, Decoder, divisible
from vtagml.decoders.maps import ChannelsFirst, Map, upsample

CHANNELS_PER_GROUP = 8

# What the width is divided by on the steps beyond stride 4, by the stride they lead to.
DIVISORS = {4: (), 2: (2,), 1: (2, 4)}


class ConvDecoder(Decoder):
    """Map from a top-down pathway that adds every level on its way from stride 32 to `stride`.

    Each step doubles the size, adds the next level's projection while there is one, and applies
    `Refine`. Beyond stride 4 there is no level left: these steps only sharpen edges, with half the
    channels each time. Light enough for a CPU: about 48,000 parameters at width 32 on levels of
    (32, 64, 128, 256) channels.

    Args:
        channels: Channels of the four levels, finest first.
        outputs: Channels of the map.
        width: Channels down to stride 4.
        stride: Stride of the features that the head reads: 4, 2 or 1. The map is interpolated
            from there to the image's size.
    """

    entering: ClassVar[int] = LEVELS
    """How many levels enter, counted from the deepest."""

    def __init__(
        self, channels: Sequence[int], outputs: int, width: int = 32, stride: int = 2
    ) -> None:
        if stride not in DIVISORS:
            raise ValueError(f"`stride` must be 4, 2 or 1, found {stride}.")
        narrowest = max(DIVISORS[stride], default=1)
        divisible(width, CHANNELS_PER_GROUP * narrowest, "width")
        super().__init__(channels, outputs, features=width // narrowest)
        entering = self.channels[::-1][: self.entering]
        self.laterals = nn.ModuleList(nn.Conv2d(count, width, kernel_size=1) for count in entering)
        self.fusions = nn.ModuleList(Refine(width, width) for _ in entering[1:])
        without_level = [width] * (LEVELS - self.entering)
        beyond = [width // divisor for divisor in DIVISORS[stride]]
        widths = [width, *without_level, *beyond]
        self.sharpenings = nn.ModuleList(map(Refine, widths[:-1], widths[1:]))

    def trunk(self, pyramid: list[Map]) -> ChannelsFirst:
        features: Tensor
        features, *others = [
            lateral(level) for lateral, level in zip(self.laterals, pyramid[::-1], strict=False)
        ]
        for lateral, fusion in zip(others, self.fusions, strict=True):
            height, width = lateral.shape[-2:]
            features = fusion(upsample(features, (height, width)) + lateral)
        for sharpening in self.sharpenings:
            height, width = features.shape[-2:]
            features = sharpening(upsample(features, (2 * height, 2 * width)))
        return features


class DeepConvDecoder(ConvDecoder):
    """`ConvDecoder` into which only strides 16 and 32 enter.

    Shallow skips can carry everything that a task needs around the blocks that are adapted;
    without them a task sees only what passed the fork.
    """

    entering: ClassVar[int] = 2


class Refine(nn.Module):
    """3x3 convolution, GroupNorm (statistics of one image), GELU."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        # GroupNorm's own offset follows, so the convolution needs none.
        self.convolution = nn.Conv2d(before, after, kernel_size=3, padding=1, bias=False)
        self.norm = nn.GroupNorm(after // CHANNELS_PER_GROUP, after)
        self.activation = nn.GELU()

    def forward(self, features: Map) -> Map:
        refined: Tensor = self.activation(self.norm(self.convolution(features)))
        return refined
