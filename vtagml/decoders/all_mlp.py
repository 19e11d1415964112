"""SegFormer's All-MLP decoder, which VMT-Adapter uses for every task."""

from collections.abc import Sequence

from torch import nn

from vtagml.decoders.decoder import Decoder
from vtagml.decoders.maps import ChannelsFirst, Map, channels_first, channels_last, upsample


class AllMLP(Decoder):
    """Map from four levels, each projected linearly, brought to stride 4 and fused.

    SegFormer, Sec. 3.2; VMT-Adapter, "Model Architecture".

    Note:
        SegFormer normalises the fused features with BatchNorm. That mixes the images of a batch
        (see `Decoder`), so here a LayerNorm over the channels of each position takes its place;
        it has the same 2·width parameters, and four decoders on Swin-T for VMT-Adapter's tasks
        have 2,549,024 parameters, the 2.55 M of its Table 2. SegFormer's dropout is left out.

        Concatenating the levels and applying a 1x1 convolution is a sum of one linear layer per
        level, and a linear layer per position commutes with bilinear upsampling. So each level is
        fused at its own stride, which gives the same features for a third of the cost.

    Args:
        channels: Channels of the four levels, finest first.
        outputs: Channels of the map.
        width: Channels of the projected levels and of the fused features.
    """

    def __init__(self, channels: Sequence[int], outputs: int, width: int = 256) -> None:
        super().__init__(channels, outputs, features=width)
        self.norms = nn.ModuleList(nn.LayerNorm(count) for count in self.channels)
        self.projections = nn.ModuleList(nn.Linear(count, width) for count in self.channels)
        self.fusions = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in self.channels)
        self.norm = nn.LayerNorm(width)
        self.activation = nn.ReLU()

    def trunk(self, pyramid: list[Map]) -> ChannelsFirst:
        height, width = pyramid[0].shape[-2:]
        fused = [
            upsample(
                channels_first(fusion(projection(norm(channels_last(level))))), (height, width)
            )
            for level, norm, projection, fusion in zip(
                pyramid, self.norms, self.projections, self.fusions, strict=True
            )
        ]
        total = fused[0] + fused[1] + fused[2] + fused[3]
        return channels_first(self.activation(self.norm(channels_last(total))))
