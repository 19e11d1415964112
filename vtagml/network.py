"""The network: image in, one dense map per task out."""

from collections.abc import Callable, Mapping, Sequence

from jaxtyping import Float
from torch import Tensor, nn

from vtagml.affinity import Affinity
from vtagml.decoders import Decoders
from vtagml.encoders.encoder import Encoder

EncoderOfTasks = Callable[[Sequence[str]], Encoder]
DecodersOfTasks = Callable[[Mapping[str, int], Sequence[int]], Decoders]
AffinityOfTasks = Callable[[Sequence[str]], Affinity]


class MultitaskNetwork(nn.Module):
    """Encoder, decoders and the affinity that conditions them.

    Args:
        outputs: Channels of each task's map; its order is the order of the tasks everywhere.
        encoder: Builds the encoder from the task names.
        decoders: Builds the decoders from `outputs` and the channels of the encoder's pyramid.
        affinity: Builds the affinity from the task names.
    """

    def __init__(
        self,
        outputs: Mapping[str, int],
        encoder: EncoderOfTasks,
        decoders: DecodersOfTasks,
        affinity: AffinityOfTasks,
    ) -> None:
        super().__init__()
        tasks = tuple(outputs)
        self.encoder = encoder(tasks)
        self.decoders = decoders(dict(outputs), self.encoder.channels)
        self.affinity = affinity(tasks)

    def forward(
        self,
        image: Float[Tensor, "batch 3 height width"],
        omega: Float[Tensor, "task source"] | None = None,
    ) -> dict[str, Tensor]:
        """Returns the map of every task.

        Args:
            image: Values in [0, 1], height and width divisible by 32.
            omega: Affinities to run with instead of the learned ones, `[target, source]`.
        """
        pyramids = self.encoder(image, self.affinity.omega if omega is None else omega)
        return self.decoders(pyramids, image)
