"""The narrow two-layer network that carries most of an adapter's parameters."""

from jaxtyping import Float
from torch import Tensor, nn


class Bottleneck(nn.Module):
    """Projects D → D/3 → D with a GELU between, the FF down and FF up of Fig. 3.

    The upward projection starts at zero: added to a stream, the bottleneck starts as nothing.

    Note:
        The released code has the two projections without the non-linearity that Fig. 3 draws,
        which makes them one linear map; we follow the figure.

    Args:
        channels: D.
        reduction: How many times narrower the middle is.
    """

    def __init__(self, channels: int, reduction: int = 3) -> None:  # as released; not in the paper
        super().__init__()
        narrow = narrow_width(channels, reduction)
        self.down = nn.Linear(channels, narrow)
        self.nonlinearity = nn.GELU()
        self.up = nn.Linear(narrow, channels)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(
        self, tokens: Float[Tensor, "*tokens channels"]
    ) -> Float[Tensor, "*tokens channels"]:
        return self.up(self.nonlinearity(self.down(tokens)))


def narrow_width(channels: int, reduction: int) -> int:
    """Returns how wide the middle of a bottleneck is."""
    if not 1 <= reduction <= channels:
        raise ValueError(
            f"`reduction` must lie between 1 and the {channels} channels of the block, found "
            f"{reduction}."
        )
    return channels // reduction
