"""The contract of clusterings, and the two that look at nothing."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from jaxtyping import Int64
from torch import Tensor

from vtagml.backbone import Place, StagedBackbone
from vtagml.experts.hidden_channels import HiddenLayers, hidden_layers

Labels = Int64[Tensor, " channel"]
"""Of each hidden channel the number of its expert."""


class Clustering(ABC):
    """Puts the hidden channels of each feed-forward network into groups of one size: experts."""

    @abstractmethod
    def labels(self, network: StagedBackbone, experts: int) -> dict[Place, Labels]:
        """Returns which expert each hidden channel belongs to, for every block that is tuned.

        Args:
            network: The backbone.
            experts: How many groups, all of the same size.
        """


class GivenOrder(Clustering):
    """Slices of the channels in the order that they have."""

    def labels(self, network: StagedBackbone, experts: int) -> dict[Place, Labels]:
        return {
            place: torch.arange(experts).repeat_interleave(layers.up.out_features // experts)
            for place, layers in layers_of(network, experts).items()
        }


class RandomGroups(Clustering):
    """Groups of channels drawn at random.

    Args:
        seed: Of the draw.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def labels(self, network: StagedBackbone, experts: int) -> dict[Place, Labels]:
        generator = torch.Generator().manual_seed(self.seed)
        return {
            place: labels[torch.randperm(len(labels), generator=generator)]
            for place, labels in GivenOrder().labels(network, experts).items()
        }


def layers_of(network: StagedBackbone, experts: int) -> Mapping[Place, HiddenLayers]:
    """Returns the layers of every block that is tuned, if so many experts can be made of each."""
    found = {place: hidden_layers(network, place) for place in network.places()}
    for place, layers in found.items():
        if experts < 1 or layers.up.out_features % experts:
            raise ValueError(
                "`experts` must divide the hidden channels of every feed-forward network, found "
                f"{experts} experts and {layers.up.out_features} channels in stage {place.stage}, "
                f"block {place.block}."
            )
    return found
