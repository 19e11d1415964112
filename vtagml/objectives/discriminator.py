"""Tells from a patch of a task's output which domain it comes from."""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

SLOPE = 0.2


class Discriminator(nn.Sequential):
    """Five convolutions, kernel 4, stride 2, to one score per patch of 32 pixels.

    The score is positive where the patch seems to be of the source, negative of the target. Each
    convolution halves the view, so with fewer `widths` the patches are smaller.

    Args:
        channels: Of the task's output, as it is shown to the discriminator.
        widths: Channels behind each convolution but the last, which has one.
    """

    def __init__(self, channels: int, widths: Sequence[int] = (64, 128, 256, 512)) -> None:
        halving = partial(nn.Conv2d, kernel_size=4, stride=2, padding=1)
        layers: list[nn.Module] = []
        for entering, leaving in pairwise((channels, *widths)):
            layers += [halving(entering, leaving), nn.LeakyReLU(SLOPE)]
        super().__init__(*layers, halving(widths[-1], 1))
        self.patch = 2 ** (len(widths) + 1)

    def forward(
        self, view: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch 1 rows columns"]:
        height, width = view.shape[-2:]
        if min(height, width) < self.patch:
            raise ValueError(
                f"`view` must be at least {self.patch} pixels high and wide, a patch per score, "
                f"found {height} x {width}: give the data a larger `image_size`, or the "
                "discriminator fewer `widths`."
            )
        # Tasks give their views in full precision, where all weights may be in half.
        return super().forward(view.to(next(self.parameters()).dtype))
