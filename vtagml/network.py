"""The network: image in, one dense map per task out."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from vtagml.affinity import Affinity, Gram, forks, take_gram
from vtagml.decoders import Decoders, LossOfMaps
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

    Attributes:
        scale: By how much losses will be multiplied before their backward, by 16-bit precision.
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
        self.scale = 1.0
        # Gradients at a fork whose streams mix are no task's own: none is better than a false one.
        self.observed = bool(forks(self.encoder)) and self.encoder.apart and self.decoders.apart
        if self.affinity.learns and not self.observed:
            raise ValueError(self._nothing_to_learn())

    def forward(
        self,
        image: Float[Tensor, "batch 3 height width"],
        omega: Float[Tensor, "task source"] | None = None,
        losses: Mapping[str, LossOfMaps] | None = None,
    ) -> dict[str, Tensor]:
        """Returns the map of every task, or its loss.

        Args:
            image: Values in [0, 1], height and width divisible by 32.
            omega: Affinities to run with instead of the learned ones, `[target, source]`.
            losses: What makes a loss of a task's maps. Where it is given, losses are returned, of
                these tasks alone, and decoders need not keep a map.
        """
        pyramids = self.encoder(image, self.affinity.omega if omega is None else omega)
        if losses is None:
            return self.decoders(pyramids, image)
        return self.decoders.losses(pyramids, image, losses, self.scale)

    def compile(self, *args: Any, **settings: Any) -> None:
        """Compiles encoder and decoders, each by itself, for between them is nothing to gain."""
        self.encoder.compile(*args, **settings)
        self.decoders.compile(*args, **settings)

    def take_gram(self) -> Gram | None:
        """What was captured at the forks since the last call, which they forget.

        None if nothing was, or if the streams mix behind them. Call it once per optimiser step,
        also when the step is skipped, so that nothing of a step enters the next one.
        """
        gram = take_gram(self.encoder)
        return gram if self.observed else None

    def _nothing_to_learn(self) -> str:
        mixing = [room for room in (self.encoder, self.decoders) if not room.apart]
        names = " and ".join(type(room).__name__ for room in mixing)
        reason = (
            f"the streams of {names} mix"
            if mixing
            else (f"the tasks of {type(self.encoder).__name__} share nothing")
        )
        return (
            f"`affinity` {type(self.affinity).__name__} learns from the gradients that tasks have "
            f"of what they share, and {reason}, so there are none of a task's own: take one that "
            "does not learn, such as `vtagml.affinity.Uniform`."
        )
