"""What the encoders whose adapters a hypernetwork generates have in common."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vtagml.adapters import BottleneckWeights, FixedWeights, HyperNetwork, generated_bottleneck
from vtagml.affinity import Statistic, elementwise
from vtagml.backbone import Backbone, Place
from vtagml.encoders.encoder import of_each_task
from vtagml.encoders.on_frozen import OnFrozen


class Generated(OnFrozen):
    """Bottlenecks behind the blocks of a frozen backbone, generated for every task.

    What is frozen in front of the first bottleneck runs once; there the tasks part, and from there
    on task and batch run as one axis through the frozen blocks, each task through bottlenecks of
    its own. Only the hypernetwork trains. The streams stay apart: what tasks have in common is the
    network that generates their weights.

    A sibling says how weights are generated.

    Args:
        tasks: Names of the tasks.
        backbone: SwinV2, Swin or ViT.
        blocks: Where bottlenecks stand: pairs (stage, block) counted from one; null for all blocks.
        embedding: Length of the embeddings of tasks and blocks.
        reduction: How many times narrower than its block a bottleneck is.
        statistic: What of the captured gradients an affinity compares.
        checkpointing: Whether the backward computes the blocks behind the fork again instead of
            keeping their activations: the same numbers, less memory, more time.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        backbone: Backbone,
        blocks: Sequence[tuple[int, int]] | None = None,
        embedding: int = 64,
        reduction: int = 2,
        statistic: Statistic = elementwise,
        checkpointing: bool = False,
    ) -> None:
        super().__init__(tasks, backbone, blocks, statistic, checkpointing)
        widths = {str(place): self.backbone.channels[place.stage - 1] for place in self.places}
        self.hypernetwork: nn.Module = self.make(widths, embedding, reduction)

    @abstractmethod
    def make(self, widths: Mapping[str, int], embedding: int, reduction: int) -> HyperNetwork:
        """Makes the hypernetwork.

        Args:
            widths: Channels of each block that has a bottleneck, by the name of its place.
            embedding: Length of the embeddings.
            reduction: How many times narrower than its block a bottleneck is.
        """

    def forward(
        self,
        image: Float[Tensor, "batch 3 height width"],
        omega: Float[Tensor, "task source"],
    ) -> dict[str, list[Tensor]]:
        weights: dict[str, BottleneckWeights] = self.hypernetwork()
        run, first = self.backbone.run, self.places[0]

        def visit(place: Place, layer: nn.Module, tokens: Tensor) -> Tensor:
            if place == first:
                streams = self.fork(layer(tokens))
                return run(generated_bottleneck, streams, weights[str(place)]).flatten(0, 1)
            if str(place) in weights:
                return run(_then_bottleneck, layer, tokens, weights[str(place)])
            return self.backbone.pass_through(place, layer, tokens)

        pyramid = self.backbone(image, visit)
        parting = first.stage - 1
        return of_each_task(self.tasks, pyramid[:parting], pyramid[parting:])

    @torch.no_grad()
    def fold(self) -> None:
        self.hypernetwork = FixedWeights(self.hypernetwork())


def _then_bottleneck(layer: nn.Module, tokens: Tensor, weights: BottleneckWeights) -> Tensor:
    streams = layer(tokens).unflatten(0, (len(weights.bias), -1))
    return generated_bottleneck(streams, weights).flatten(0, 1)
