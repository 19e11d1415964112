"""Swin's transformer block, and the stages that the decoder builds from it."""

from torch import Tensor, nn

from vtagml.decoders.maps import ChannelsLast
from vtagml.decoders.window_attention import WindowAttention

MLP_RATIO = 4


class SwinBlock(nn.Module):
    """Window attention and a two-layer perceptron, each after a LayerNorm, each residual.

    Swin Transformer, Sec. 3.2 (pre-norm, the first version).

    Args:
        channels: Channels of a token.
        heads: Attention heads.
        window: Side of a window, in tokens.
        shift: Displacement of the windows, in tokens.
    """

    def __init__(self, channels: int, heads: int, window: int, shift: int) -> None:
        super().__init__()
        hidden = MLP_RATIO * channels
        self.norm_attention = nn.LayerNorm(channels)
        self.attention = WindowAttention(channels, heads, window, shift)
        self.norm_mlp = nn.LayerNorm(channels)
        self.mlp = nn.Sequential(
            nn.Linear(channels, hidden), nn.GELU(), nn.Linear(hidden, channels)
        )

    def forward(self, features: ChannelsLast) -> ChannelsLast:
        features = features + self.attention(self.norm_attention(features))
        mixed: Tensor = features + self.mlp(self.norm_mlp(features))
        return mixed


def swin_stage(channels: int, heads: int, window: int, depth: int) -> nn.Sequential:
    """Blocks whose windows are in turn regular and shifted by half a window (Sec. 3.3)."""
    shifts = [0, window // 2]
    return nn.Sequential(
        *(SwinBlock(channels, heads, window, shifts[index % 2]) for index in range(depth))
    )
