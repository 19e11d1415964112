"""Attention within the windows of a map, regular or shifted, for maps of any size."""

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn
from torch.nn import functional

from vtagml.decoders.maps import ChannelsLast

PADDING = -1


class WindowAttention(nn.Module):
    """Multi-head attention among the tokens of each window, with a relative position bias.

    Swin Transformer, Sec. 3.2: windows of the regular partition, or of one displaced by `shift`.

    Note:
        timm's block is not used because it needs one size at construction. With its dynamic mask
        it takes any size, but it pads after the cyclic shift and lets padding be attended to; a
        smaller window would replace its parameters. Here padding is never attended to, a window
        larger than the map shrinks to the map (offsets keep their bias) and nothing changes
        state. On maps that windows divide the two agree, which is tested.

    Args:
        channels: Channels of a token.
        heads: Attention heads.
        window: Side of a window, in tokens.
        shift: Displacement of the windows, in tokens; none along a side that one window covers.
    """

    def __init__(self, channels: int, heads: int, window: int, shift: int) -> None:
        super().__init__()
        self.heads = heads
        self.window = window
        self.shift = shift
        self.project = nn.Linear(channels, 3 * channels)
        self.bias = nn.Parameter(torch.empty(heads, 2 * window - 1, 2 * window - 1))
        self.out = nn.Linear(channels, channels)
        nn.init.trunc_normal_(self.bias, std=0.02)

    def forward(self, features: ChannelsLast) -> ChannelsLast:
        height, width = features.shape[1:3]
        sides = (min(self.window, height), min(self.window, width))
        shifts = (self.shift * (height > sides[0]), self.shift * (width > sides[1]))
        padded = functional.pad(features, (0, 0, 0, -width % sides[1], 0, -height % sides[0]))
        rolled = padded.roll((-shifts[0], -shifts[1]), dims=(1, 2))
        total = (padded.shape[1], padded.shape[2])
        regions = token_regions((height, width), total, shifts, features.device)
        windows = partition(regions[None, :, :, None], sides)[0, :, :, 0]
        mixed = self.attend(partition(rolled, sides), windows, sides)
        merged = merge(mixed, sides, total)
        return merged.roll(shifts, dims=(1, 2))[:, :height, :width]

    def attend(
        self,
        tokens: Float[Tensor, "batch window tokens channels"],
        regions: Int[Tensor, "window tokens"],
        sides: tuple[int, int],
    ) -> Float[Tensor, "batch window tokens channels"]:
        """Attention among the tokens of one window and one region."""
        batch, windows, count, channels = tokens.shape
        split = self.project(tokens).reshape(batch, windows, count, 3, self.heads, -1)
        query, key, value = split.permute(3, 0, 1, 4, 2, 5).flatten(2, 3)
        # A token always shares its own region, so no row of the mask is empty.
        apart = regions[:, None, :, None] != regions[:, None, None, :]
        bias = self.position_bias(sides).to(query.dtype)
        bias = torch.where(apart, float("-inf"), bias)
        mixed = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=bias.flatten(0, 1)
        )
        joined = mixed.reshape(batch, windows, self.heads, count, -1).transpose(2, 3)
        out: Tensor = self.out(joined.reshape(batch, windows, count, channels))
        return out

    def position_bias(self, sides: tuple[int, int]) -> Float[Tensor, "heads tokens tokens"]:
        """Bias of every pair of a window's tokens, by the offset between the two."""
        tokens = torch.arange(sides[0] * sides[1], device=self.bias.device)
        rows, columns = tokens // sides[1], tokens % sides[1]
        zero = self.window - 1
        return self.bias[
            :, rows[:, None] - rows[None, :] + zero, columns[:, None] - columns[None, :] + zero
        ]


def token_regions(
    size: tuple[int, int],
    padded: tuple[int, int],
    shifts: tuple[int, int],
    device: torch.device,
) -> Int[Tensor, "height width"]:
    """Number of the region of every token of the rolled map; attention stays within a region.

    The cyclic shift brings the opposite border into the last windows: it is a region of its own
    there, and so is padding.
    """
    wrapped, outside = [], []
    for count, total, shift in zip(size, padded, shifts, strict=True):
        position = torch.arange(total, device=device)
        wrapped.append((position >= total - shift).long())
        outside.append((position + shift) % total >= count)
    regions = 2 * wrapped[0][:, None] + wrapped[1][None, :]
    return regions.masked_fill(outside[0][:, None] | outside[1][None, :], PADDING)


def partition(
    features: Shaped[Tensor, "batch height width channels"], sides: tuple[int, int]
) -> Shaped[Tensor, "batch window tokens channels"]:
    """Tokens of every window, windows and tokens row by row."""
    batch, height, width, channels = features.shape
    rows, columns = height // sides[0], width // sides[1]
    grid = features.reshape(batch, rows, sides[0], columns, sides[1], channels)
    return grid.transpose(2, 3).reshape(batch, rows * columns, sides[0] * sides[1], channels)


def merge(
    windows: Float[Tensor, "batch window tokens channels"],
    sides: tuple[int, int],
    size: tuple[int, int],
) -> ChannelsLast:
    """The map of this size that `partition` took apart."""
    batch, _, _, channels = windows.shape
    rows, columns = size[0] // sides[0], size[1] // sides[1]
    grid = windows.reshape(batch, rows, columns, sides[0], sides[1], channels)
    return grid.transpose(2, 3).reshape(batch, *size, channels)
