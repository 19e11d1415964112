"""A task's map of patches that were weighed twice, head by head and channel by channel."""

from torch import nn

GROUPS = 8


class TaskMap(nn.Sequential):
    """Projects each of the two, joins them, and looks at the neighbours once.

    Args:
        channels: Of a token.
        width: Of the map.
    """

    def __init__(self, channels: int, width: int) -> None:
        if width % GROUPS:
            raise ValueError(f"`width` must be divisible by {GROUPS}, found {width}.")
        super().__init__(
            nn.Conv2d(2 * channels, 2 * width, kernel_size=1, groups=2),  # each of the two apart
            nn.Conv2d(2 * width, width, kernel_size=1),
            nn.Conv2d(width, width, kernel_size=3, padding=1, bias=False),
            nn.GroupNorm(GROUPS, width),
            nn.GELU(),
            nn.Conv2d(width, width, kernel_size=1),
        )
