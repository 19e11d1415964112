"""Feature-wise linear modulation: a scale and a shift made from a task's embedding."""

from typing import TypeAlias

from jaxtyping import Float
from torch import Tensor, nn

Streams: TypeAlias = Float[Tensor, "task batch *tokens channels"]
Embeddings: TypeAlias = Float[Tensor, "task embedding"]
Modulation: TypeAlias = Float[Tensor, "task channels"]


class FiLM(nn.Module):
    """Makes γ and β from task embeddings by one linear layer, Eq. 3 and Fig. 6.

    Every task passes through the same layer, so that a new task needs no parameter here. Weight and
    bias start at zero, those of β too: with γ used as 1 + γ, what is modulated starts unchanged.

    Args:
        embedding: Width of the task embeddings.
        features: Length of γ and of β.
    """

    def __init__(self, embedding: int, features: int) -> None:
        super().__init__()
        self.generator = nn.Linear(embedding, 2 * features)
        nn.init.zeros_(self.generator.weight)
        nn.init.zeros_(self.generator.bias)

    def forward(self, embeddings: Embeddings) -> tuple[Modulation, Modulation]:
        """Returns γ and β of each task."""
        scale, shift = self.generator(embeddings).chunk(2, dim=-1)
        return scale, shift


def over_tokens(modulation: Modulation, streams: Streams) -> Float[Tensor, "task ... channels"]:
    """Returns the modulation with axes of length one where `streams` has batch and tokens."""
    tasks, channels = modulation.shape
    return modulation.view(tasks, *(1,) * (streams.ndim - 2), channels)
