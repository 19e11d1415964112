"""A small filter for each channel that is made of the features it runs over."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

SIDE = 3


class DynamicFilter(nn.Module):
    """Convolves each channel with a kernel of 3 × 3 made of the image's pooled features.

    TADFormer's dynamic task filter (CVPR 2025): K = α ⊙ normalised(G(pool(x))) + β + δ, where G is
    a linear layer, each kernel is normalised over its taps, and δ leaves everything as it is. α and
    β start at zero, so that the filter does so, too. It has 9c² + 27c parameters.

    Note:
        One filter serves all tasks, whose features differ: with that the parameters of the release
        add up to the printed 7.38 M of Swin-T; with a static filter per task, which copies of it
        have in that place, they do not. There α and β start at random, and there is no δ.

    Args:
        channels: c.
    """

    identity: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.generator = nn.Linear(channels, channels * SIDE**2)
        self.scale = nn.Parameter(torch.zeros(channels, SIDE**2))
        self.shift = nn.Parameter(torch.zeros(channels, SIDE**2))
        identity = torch.zeros(SIDE**2)
        identity[SIDE**2 // 2] = 1
        self.register_buffer("identity", identity, persistent=False)

    def kernels(
        self, map: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch channels taps"]:
        """The kernels that an image's features make."""
        taps = self.generator(map.mean((-2, -1))).unflatten(-1, self.scale.shape)
        return F.layer_norm(taps, taps.shape[-1:]) * self.scale + self.shift + self.identity

    def forward(
        self, map: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch channels height width"]:
        kernels = self.kernels(map).unflatten(-1, (SIDE, SIDE))
        if torch.compiler.is_exporting():  # groups of a convolution are no input
            height, width = map.shape[-2:]
            shifted = F.pad(map, [SIDE // 2] * 4).unfold(2, height, 1).unfold(3, width, 1)
            return torch.einsum("bcrs,bcrshw->bchw", kernels, shifted)
        kernels = kernels.flatten(0, 1).unsqueeze(1)
        channels = map.flatten(0, 1).unsqueeze(0)
        filtered = F.conv2d(channels, kernels, padding=SIDE // 2, groups=len(kernels))
        return filtered.view_as(map)
