"""Fine levels for backbones that have none: a small convolutional stem beside a plain ViT."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vtagml.decoders.branches import Loss, Pyramid
from vtagml.decoders.conv_decoder import CHANNELS_PER_GROUP, Refine
from vtagml.decoders.decoder import checked_channels, divisible
from vtagml.decoders.decoders import Decoders, LossOfMaps


class FineLevels(Decoders):
    """Puts maps of the image itself beside the two finest levels of every pyramid.

    A ViT with patches of 16 pixels says nothing finer than that: its levels at strides 4 and 8 are
    interpolated. Here a stem of convolutions on the image gives what is missing, as the spatial
    prior of ViT-Adapter and the stem of ViTMatte do; it trains with the decoders, at their rate,
    and nothing of the encoder changes. The stem is common to all tasks and lies outside of the
    fork: gradients captured there are those of the encoder's pyramids as before.

    The encoder's two finest levels are brought to the stem's width and scale first: hundreds of
    interpolated channels beside a few of the stem's would drown them (measured: edges were not
    learned).

    Args:
        outputs: Channels of every task's map.
        channels: Channels of the encoder's four levels, finest first.
        decoders: Builds the decoders that read the widened pyramids.
        width: Channels of the stem at stride 4; twice as many at stride 8.
    """

    def __init__(
        self,
        outputs: Mapping[str, int],
        channels: Sequence[int],
        decoders: Callable[[Mapping[str, int], Sequence[int]], Decoders],
        width: int = 32,
    ) -> None:
        super().__init__(outputs)
        divisible(width, 2 * CHANNELS_PER_GROUP, "width")
        finest, finer, *coarse = checked_channels(channels)
        self.quarter = nn.Sequential(Halve(3, width // 2), Halve(width // 2, width))
        self.eighth = Halve(width, 2 * width)
        self.quarter_of_encoder = Project(finest, width)
        self.eighth_of_encoder = Project(finer, 2 * width)
        self.decoders = decoders(outputs, (2 * width, 4 * width, *coarse))
        self.apart = self.decoders.apart

    def decode(
        self, pyramids: dict[str, Pyramid], image: Float[Tensor, "batch 3 height width"]
    ) -> dict[str, Tensor]:
        return self.decoders(self._widened(pyramids, image), image)

    def losses(
        self,
        pyramids: Mapping[str, Pyramid],
        image: Float[Tensor, "batch 3 height width"],
        of_maps: Mapping[str, LossOfMaps],
        scale: float = 1.0,
    ) -> dict[str, Loss]:
        """Loss of each task that has one, as the decoders behind the stem make it."""
        return self.decoders.losses(self._widened(pyramids, image), image, of_maps, scale)

    def compile(self, *args: Any, **settings: Any) -> None:
        """Compiles what stands behind the stem by itself, too."""
        super().compile(*args, **settings)
        self.decoders.compile(*args, **settings)

    def _widened(self, pyramids: Mapping[str, Pyramid], image: Tensor) -> dict[str, Pyramid]:
        quarter = self.quarter(2 * image - 1)
        eighth = self.eighth(quarter)
        return {
            task: [
                torch.cat((self.quarter_of_encoder(finest), quarter), dim=1),
                torch.cat((self.eighth_of_encoder(finer), eighth), dim=1),
                *coarse,
            ]
            for task, (finest, finer, *coarse) in pyramids.items()
        }


class Halve(nn.Sequential):
    """Half the height and width: the pixels of each 2x2 square side by side, then `Refine`."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__(nn.PixelUnshuffle(2), Refine(4 * before, after))


class Project(nn.Sequential):
    """Another number of channels, normalised by image."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__(
            nn.Conv2d(before, after, kernel_size=1),
            nn.GroupNorm(after // CHANNELS_PER_GROUP, after),
            nn.GELU(),
        )
