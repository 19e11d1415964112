"""One hypernetwork for blocks of all widths: what it generates is scaled up, block by block."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import nn

from vtagml.adapters.generated_bottleneck import BottleneckWeights
from vtagml.adapters.hypernetwork import HyperNetwork, of_each_place


class ScaledHyperNetwork(HyperNetwork):
    """Generates templates for the narrowest block; those of wider ones are Kronecker products.

    Args:
        tasks: Names of the tasks.
        widths: Channels of each block, by the name of its place.
        embedding: Length of an embedding.
        generator: Makes the generator of a width from the length of an embedding and the channels.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        widths: Mapping[str, int],
        embedding: int,
        generator: Callable[[int, int], nn.Module],
    ) -> None:
        narrowest = min(widths.values())
        if any(width % narrowest for width in widths.values()):
            raise ValueError(
                f"`backbone` must have widths that are multiples of its narrowest block's, found "
                f"{sorted(set(widths.values()))}: `vtagml.encoders.Polyhistor` has a hypernetwork "
                "for each width."
            )
        super().__init__(tasks, dict.fromkeys(widths, narrowest), embedding, generator)
        self.kernels = nn.ModuleDict(
            {place: ScalingKernel(width // narrowest) for place, width in widths.items()}
        )

    def forward(self) -> dict[str, BottleneckWeights]:
        (generator,) = self.generators.values()
        templates = of_each_place(list(self.kernels), generator(self.conditions()))
        return {place: kernel(templates[place]) for place, kernel in self.kernels.items()}


class ScalingKernel(nn.Module):
    """What makes a template the weights of a block so many times wider: W = K ⊗ template.

    K of a matrix starts orthogonal, which leaves a template as strong as it is, that of a bias with
    ones. The block's tasks have it in common.

    Args:
        scale: How many times wider.
    """

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.down = nn.Parameter(nn.init.orthogonal_(torch.empty(scale, scale)))
        self.up = nn.Parameter(nn.init.orthogonal_(torch.empty(scale, scale)))
        self.narrow_bias = nn.Parameter(torch.ones(scale))
        self.bias = nn.Parameter(torch.ones(scale))

    def forward(self, template: BottleneckWeights) -> BottleneckWeights:
        kernels = (self.down, self.narrow_bias, self.up, self.bias)
        # Kernels lack the templates' axis of tasks, which `kron` puts in front.
        return BottleneckWeights(*map(torch.kron, kernels, template))
