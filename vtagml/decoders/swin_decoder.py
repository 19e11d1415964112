"""The paper's decoder: four stages of Swin blocks from stride 32 to stride 4 (Sec. 3.3)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from vtagml.decoders.decoder import LEVELS, Decoder, checked_channels, divisible, positive, small
from vtagml.decoders.maps import ChannelsFirst, Map, Scores, channels_first, channels_last, upsample
from vtagml.decoders.swin_block import swin_stage

CHANNELS_PER_HEAD = 32
NARROWEST = 4
FINEST_STRIDE = 4


class SwinDecoder(Decoder):
    """Map from four Swin stages, each doubling the size, with the encoder's levels as skips.

    Sec. 3.3. The stages have width, width/2, width/4 and width/8 channels. Between them a patch
    expansion doubles the size and halves the channels; the encoder's level at that stride is
    concatenated and a linear layer reduces both to the stage's width.

    Note:
        The text feeds the stages "in a sequential manner", without skips: that is
        `PlainSwinDecoder`. The authors' release has them, U-Net style, and so has this default.
        The upsampling is a patch expansion (linear layer and pixel shuffle), the mirror of Swin's
        patch merging: interpolation could not place detail within a token. The last one, from
        stride 4 to the image, is folded into the linear head, which predicts 4x4 pixels per
        token; with nothing but linear layers between, that reaches the same maps as expanding
        the features first, without a wide tensor at the image's size.

    Args:
        channels: Channels of the four levels, finest first.
        outputs: Channels of the map.
        width: Channels of the first stage, a multiple of 8, 32 at least; the encoder's last width
            if None. Four
            decoders of the full width cost more than the rest of a training step together: a
            smaller width is the way to a fast model. The head reads width/8 channels.
        heads: Attention heads of the four stages, deepest first; 32 channels per head if None.
        window: Side of the attention windows, in tokens.
        depth: Swin blocks per stage.
    """

    def __init__(
        self,
        channels: Sequence[int],
        outputs: int,
        width: int | None = None,
        heads: Sequence[int] | None = None,  # paper: (48, 24, 12, 6), which is 32 channels each
        window: int = 8,  # paper: 7 (slides); 8 divides the levels of 256² and 512² images
        depth: int = 2,
    ) -> None:
        deepest = checked_channels(channels)[-1]
        width = checked_width(deepest if width is None else width)
        widths = [width // 2**stage for stage in range(LEVELS)]
        heads = checked_heads(widths, heads)
        super().__init__(channels, outputs, features=widths[-1])
        window, depth = positive(window, "window"), positive(depth, "depth")
        norm = nn.LayerNorm(deepest)
        same = deepest == width
        self.entrance = norm if same else nn.Sequential(norm, nn.Linear(deepest, width))
        self.expansions = nn.ModuleList(map(Expansion, widths[:-1]))
        self.merges = nn.ModuleList(map(self.make_merge, widths[1:], self.channels[-2::-1]))
        self.stages = nn.ModuleList(
            swin_stage(count, number, window, depth)
            for count, number in zip(widths, heads, strict=True)
        )
        self.norm = nn.LayerNorm(widths[-1])

    def make_merge(self, width: int, channels: int) -> nn.Module:
        """How an encoder's level of `channels` joins a stage of `width`."""
        return Skip(width, channels)

    def trunk(self, pyramid: list[Map]) -> ChannelsFirst:
        *finer, deepest = [channels_last(level) for level in pyramid]
        first, *later = self.stages
        features = first(self.entrance(deepest))
        for level, expansion, merge, stage in zip(
            reversed(finer), self.expansions, self.merges, later, strict=True
        ):
            features = stage(merge(expansion(features), level))
        return channels_first(self.norm(features))

    def make_head(self, outputs: int) -> nn.Module:
        pixels = FINEST_STRIDE**2
        return small(nn.Conv2d(self.features, positive(outputs, "outputs") * pixels, kernel_size=1))

    def finish(self, scores: Scores, size: tuple[int, int]) -> Scores:
        return upsample(functional.pixel_shuffle(scores, FINEST_STRIDE), size)


class PlainSwinDecoder(SwinDecoder):
    """`SwinDecoder` without skips: only stride 32 enters (the text of Sec. 3.3)."""

    def make_merge(self, width: int, channels: int) -> nn.Module:
        return WithoutSkip()


class Expansion(nn.Module):
    """Twice the height and width, half the channels: linear layer, pixel shuffle, LayerNorm."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, 2 * channels, bias=False)
        self.norm = nn.LayerNorm(channels // 2)

    def forward(self, features: Map) -> Map:
        expanded = functional.pixel_shuffle(channels_first(self.linear(features)), 2)
        normalised: Tensor = self.norm(channels_last(expanded))
        return normalised


class Skip(nn.Module):
    """Decoder's features and a normalised level of the encoder, concatenated and reduced."""

    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.reduction = nn.Linear(width + channels, width)

    def forward(self, features: Map, level: Map) -> Map:
        if features.shape[:3] != level.shape[:3]:
            raise ValueError(
                f"`pyramid` must double its size from level to level, found {level.shape[1:3]} "
                f"where {features.shape[1:3]} was due; use images whose sides are multiples of 32."
            )
        reduced: Tensor = self.reduction(torch.cat([features, self.norm(level)], dim=-1))
        return reduced


class WithoutSkip(nn.Module):
    """Decoder's features alone."""

    def forward(self, features: Map, level: Map) -> Map:
        return features


def checked_width(width: int) -> int:
    last = 2 ** (LEVELS - 1)
    if width < NARROWEST * last:
        # A LayerNorm over one channel is constant, over two it is a sign.
        raise ValueError(
            f"`width` must be at least {NARROWEST * last}, so that {NARROWEST} channels are left "
            f"in the last stage, found {width}; pass a larger `width`."
        )
    return divisible(width, last, "width")


def checked_heads(widths: Sequence[int], heads: Sequence[int] | None) -> list[int]:
    if heads is None:
        heads = [max(1, width // CHANNELS_PER_HEAD) for width in widths]
    fits = len(heads) == len(widths) and all(
        number > 0 and width % number == 0 for width, number in zip(widths, heads, strict=True)
    )
    if not fits:
        raise ValueError(
            f"`heads` must be four numbers, deepest stage first, that divide the widths "
            f"{tuple(widths)}, found {tuple(heads)}; pass other `heads` or another `width`."
        )
    return list(heads)
