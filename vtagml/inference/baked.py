"""The inference form of a network: what depends on the affinities alone is a constant in it."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vtagml.adapters import AttentionBias, TaskEmbedding, TaskScaledNorm
from vtagml.adapters.film import Embeddings, Streams, over_tokens
from vtagml.network import MultitaskNetwork
from vtagml.tasks import Task


class InferenceForm(nn.Module):
    """Image in, every task's prediction in its units out, for one size of image.

    ω, the task embeddings, the attention's A' and the scales and shifts of task-scaled norms are
    computed once and kept; what generated them is gone, and nothing is captured at the fork. The
    image is standardised inside.

    Args:
        network: The trained network; it is copied.
        tasks: What its maps mean.
        size: Height and width of the images.
    """

    omega: Tensor

    def __init__(
        self, network: MultitaskNetwork, tasks: Mapping[str, Task], size: tuple[int, int]
    ) -> None:
        super().__init__()
        self.network = baked(network, size)
        self.tasks, self.size = dict(tasks), size
        self.register_buffer("omega", network.affinity.omega.detach())

    def forward(self, image: Float[Tensor, "batch 3 height width"]) -> dict[str, Tensor]:
        """Returns predictions for RGB images with values in [0, 1]."""
        maps = self.network(image, self.omega)
        return {name: task.predict(maps[name]) for name, task in self.tasks.items()}


class Constant(nn.Module):
    """Stands for a module whose output never changes.

    Args:
        value: The output.
    """

    value: Tensor

    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.register_buffer("value", value.detach().clone())

    def forward(self, *inputs: object) -> Tensor:
        return self.value


class FixedNorm(nn.Module):
    """A task-scaled norm whose tasks do not change any more.

    Args:
        norm: The norm.
        embeddings: Embedding of each task.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, norm: TaskScaledNorm, embeddings: Embeddings) -> None:
        super().__init__()
        self.channels, self.eps = norm.channels, norm.eps
        for name, value in zip(("scale", "shift"), norm.modulation(embeddings), strict=True):
            self.register_buffer(name, value.detach().clone())

    def forward(self, streams: Streams, embeddings: Embeddings) -> Streams:
        normalised = F.layer_norm(streams, (self.channels,), eps=self.eps)
        return normalised * over_tokens(self.scale, streams) + over_tokens(self.shift, streams)


@torch.no_grad()
def baked(network: MultitaskNetwork, size: tuple[int, int]) -> MultitaskNetwork:
    """Returns a copy in which everything that ω decides is a constant, for images of one size.

    An adapter of another making keeps its own modules, and is right all the same.
    """
    copy = deepcopy(network).eval().requires_grad_(False)
    copy.encoder.fold()
    constants: dict[nn.Module, nn.Module] = {}

    def keep(
        module: nn.Module, inputs: tuple[Any, ...], named: Mapping[str, Any], output: Any
    ) -> None:
        if isinstance(module, TaskScaledNorm):
            embeddings = named["embeddings"] if "embeddings" in named else inputs[1]
            constants[module] = FixedNorm(module, embeddings)
        else:
            constants[module] = Constant(output)

    hooks = [
        module.register_forward_hook(keep, with_kwargs=True)
        for module in copy.modules()
        if isinstance(module, TaskEmbedding | AttentionBias | TaskScaledNorm)
    ]
    copy(next(network.parameters()).new_zeros(1, 3, *size))
    for hook in hooks:
        hook.remove()
    for name, module in list(copy.named_modules()):
        if module in constants:
            copy.set_submodule(name, constants[module])
    return copy.eval()
