"""HRNetV2's decoder, the other one that VMT-Adapter is measured with."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from vtagml.decoders.decoder import Decoder
from vtagml.decoders.maps import channels_first, channels_last, upsample


class HighResolution(Decoder):
    """Map from four levels brought to stride 4, side by side, and mixed by one 1x1 convolution.

    The representation head of HRNetV2 (Sun et al. 2019); VMT-Adapter, Fig. 5b. Nothing narrows the
    levels before they meet, so on Swin-T 1,440 channels stand at stride 4.

    Note:
        HRNetV2 normalises the mixed features with BatchNorm. That mixes the images of a batch (see
        `Decoder`), so here a LayerNorm over the channels of each position takes its place, of as
        many parameters. The paper does not say more of its decoder than HRNetV2 does.

        A 1x1 convolution of levels side by side is a sum of one of each level, and commutes with
        bilinear upsampling. So each level is mixed at its own stride: the same features, for an
        eighth of the arithmetic on Swin, and nothing is ever concatenated.

    Args:
        channels: Channels of the four levels, finest first.
        outputs: Channels of the map.
        width: Channels of the mixed features; by default as many as the levels have together.
    """

    def __init__(self, channels: Sequence[int], outputs: int, width: int | None = None) -> None:
        together = sum(channels)
        super().__init__(channels, outputs, features=together if width is None else width)
        self.mixing = nn.Conv2d(together, self.features, kernel_size=1)
        self.norm = nn.LayerNorm(self.features)
        self.activation = nn.ReLU()

    def trunk(
        self, pyramid: list[Float[Tensor, "batch _ _ _"]]
    ) -> Float[Tensor, "batch channels height width"]:
        height, width = pyramid[0].shape[-2:]
        weights = self.mixing.weight.split(self.channels, dim=1)
        biases = (self.mixing.bias, None, None, None)  # once is enough
        finest, *coarser = map(functional.conv2d, pyramid, weights, biases)
        mixed = channels_last(finest)
        for level in coarser:
            mixed = mixed + channels_last(upsample(level, (height, width)))
        return channels_first(self.activation(self.norm(mixed)))
