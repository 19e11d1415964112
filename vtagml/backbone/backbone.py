"""What every backbone is: an image in, four feature maps out; it can be frozen."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import TypeVar

from jaxtyping import Float
from torch import Tensor, nn

LEVELS = 4
STRIDES = (4, 8, 16, 32)


Module = TypeVar("Module", bound="Backbone")


class Backbone(nn.Module, ABC):
    """A network from an image to four feature maps, which can be frozen.

    Args:
        channels: Channels of the four maps, finest first.
    """

    closed = "it does not show its blocks"
    """Why nothing can stand in or between the blocks, where that is so."""

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        self.channels = tuple(channels)
        self.frozen = False

    @abstractmethod
    def forward(self, image: Float[Tensor, "batch 3 height width"]) -> list[Tensor]:
        """Returns four maps at strides 4, 8, 16 and 32, channels second.

        Behind them, of a backbone that has one, its summary of the image, `[batch, channels]`.
        """

    def freeze(self: Module) -> Module:
        """Stops training for good: no parameter takes a gradient and the mode stays `eval`."""
        self.requires_grad_(False)
        self.frozen = True
        return self.train(False)

    def train(self: Module, mode: bool = True) -> Module:
        return super().train(mode and not self.frozen)

    def resize(self, size: tuple[int, int]) -> None:
        """Fits windows and positions to another size of image; by default nothing depends on it."""

    def biases(self) -> Iterator[nn.Parameter]:
        """All vectors that are added to activations; those of positions apart."""
        for module in self.modules():
            if isinstance(bias := getattr(module, "bias", None), nn.Parameter):
                yield bias

    def position_biases(self) -> Iterator[nn.Parameter]:
        """What makes the attention's biases by relative position; nothing, if it has none."""
        yield from ()
