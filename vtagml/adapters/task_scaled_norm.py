"""Task-scaled normalisation: a LayerNorm whose scale and shift depend on the task."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vtagml.adapters.film import Embeddings, FiLM, Modulation, Streams, over_tokens


class TaskScaledNorm(nn.Module):
    """Computes TSN_t(x) = x̂·γ'·(1 + γ(z_t)) + β' + β(z_t), Eq. 4, Sec. 3.2.3.

    γ' and β' start as the weight and bias of the LayerNorm it stands for and are trained, as the
    paper trains them; γ and β start at zero. So it starts as that LayerNorm.

    Note:
        Eq. 4 prints β' inside the scale and feeds γ and β with the output of the feed-forward
        network. With β' there, a neutral modulation is not a LayerNorm; and the text modulates
        "based on the task weights", as the slides and the released code do. So β' shifts here and
        z_t is fed. `LiteralTaskScaledNorm` has the printed scale.

    Args:
        norm: The LayerNorm it stands for.
        embedding: Width of the task embeddings.
    """

    def __init__(self, norm: nn.LayerNorm, embedding: int) -> None:
        super().__init__()
        (self.channels,) = norm.normalized_shape
        self.eps = norm.eps
        self.weight = nn.Parameter(_copied(norm.weight, torch.ones(self.channels)))
        self.bias = nn.Parameter(_copied(norm.bias, torch.zeros(self.channels)))
        self.film = FiLM(embedding, self.channels)

    def forward(self, streams: Streams, embeddings: Embeddings) -> Streams:
        """Returns each stream normalised over channels, scaled and shifted for its task."""
        scale, shift = self.modulation(embeddings)
        normalised = F.layer_norm(streams, (self.channels,), eps=self.eps)
        return normalised * over_tokens(scale, streams) + over_tokens(shift, streams)

    def modulation(self, embeddings: Embeddings) -> tuple[Modulation, Modulation]:
        """Returns scale and shift of the normalised tokens of each task."""
        scale, shift = self.film(embeddings)
        return self.weight * (1 + scale), self.bias + shift


class LiteralTaskScaledNorm(TaskScaledNorm):
    """Computes x̂·(γ'·γ(z_t) + β') + β(z_t): Eq. 4 as printed, with β' in the scale.

    γ starts at one and β at zero, so that it starts as x̂·(γ' + β').

    Note:
        The printed equation normalises a_t and modulates by ω̃_t, the output of the feed-forward
        network with its residual; here, too, z_t modulates, as on the slides and in the release.
    """

    def modulation(self, embeddings: Embeddings) -> tuple[Modulation, Modulation]:
        scale, shift = self.film(embeddings)
        return self.weight * (1 + scale) + self.bias, shift


class CommonNorm(TaskScaledNorm):
    """Computes x̂·γ' + β', the same for every task: a LayerNorm that trains, and no task's own.

    Args:
        norm: The LayerNorm it stands for.
        embedding: Width of the task embeddings.
    """

    def __init__(self, norm: nn.LayerNorm, embedding: int) -> None:
        super().__init__(norm, embedding)
        del self.film

    def modulation(self, embeddings: Embeddings) -> tuple[Modulation, Modulation]:
        tasks = len(embeddings)
        return self.weight.expand(tasks, -1), self.bias.expand(tasks, -1)


def _copied(pretrained: Tensor | None, neutral: Tensor) -> Tensor:
    return neutral if pretrained is None else pretrained.detach().clone()
