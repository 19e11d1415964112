"""EMTAL's experts: feed-forward networks whose hidden channels stand in groups, softly routed."""

import math
from typing import cast

from torch import Tensor, nn

from vtagml.backbone import Backbone, Place, StagedBackbone, staged
from vtagml.experts import (
    BalancedKMeans,
    Clustering,
    GivenOrder,
    HiddenLayers,
    RoutedLinear,
    Router,
    hidden_layers,
    reorder,
    routers,
)
from vtagml.tuning.full import Full
from vtagml.tuning.tuning import Network, Tuning


class MoEfied(Tuning):
    """Makes experts of feed-forward networks and routes softly; another tuning says what learns.

    EMTAL (NeurIPS 2024), Eq. (3)-(5), (8): the hidden channels change places so that each expert is
    a run of similar ones, which the output does not notice, and what enters the activation is
    weighed by expert. With one expert there is no router. It merges when
    `vtagml.callbacks.RouterFading` has brought the weights to exactly one.

    Weights start about one: ω differs from it by a tenth (in a ViT-B a logit deviates by
    .02·√768/τ = .11), the levels of a DINOv2-S by 12 to 23 % from those of the frozen network. With
    zeros for W_r, or α = 0, it starts as the pre-trained backbone but for rounding.

    Args:
        tuning: What learns beside the routers. With `Full` it is the first step of EMTAL's ladder.
        experts: How many in each feed-forward network, K; they divide its hidden channels.
        clustering: Which channels make an expert; null for runs of them as they stand.
        temperature: Of the router's softmax, τ.
    """

    def __init__(
        self,
        tuning: Tuning = Full(),  # noqa: B008 -- it has no state
        experts: int = 16,  # Table 6
        clustering: Clustering | None = BalancedKMeans(),  # noqa: B008 -- it has no state
        temperature: float = 5.0,
    ) -> None:
        self.tuning, self.experts, self.temperature = tuning, experts, temperature
        self.clustering = clustering or GivenOrder()

    def tune(self, backbone: Backbone) -> None:
        network = staged(backbone)
        orders = self._reordered(network) if self.experts != 1 else {}
        self.tuning.tune(network)
        for place, order in orders.items():
            self._route(network, place, order)

    def mergeable(self, network: nn.Module) -> bool:
        return self.tuning.mergeable(network) and all(each.faded for each in routers(network))

    def merge(self, network: Network) -> Network:
        """Brings a faded network back to timm's layers and keys, channels in their first order.

        Eq. (13)-(15). Each channel is again where it was in the weights that the network was tuned
        from, so that the two can be compared number by number.

        Raises:
            ValueError: α is not exactly zero.
        """
        for router in routers(network):
            _check_faded(router)
        orders: dict[str, Tensor] = {}
        for name, module in list(network.named_modules()):
            if isinstance(module, RoutedLinear):
                network.set_submodule(name, module.layer)
                orders[name] = module.order
        self.tuning.merge(network)
        for name, order in orders.items():
            reorder(_beside(network, name), order.argsort())
        return network

    def _reordered(self, network: StagedBackbone) -> dict[Place, Tensor]:
        orders = {}
        for place, labels in self.clustering.labels(network, self.experts).items():
            layers = hidden_layers(network, place)
            orders[place] = labels.argsort(stable=True).to(layers.up.weight.device)
            reorder(layers, orders[place])
        return orders

    def _route(self, network: StagedBackbone, place: Place, order: Tensor) -> None:
        def routed(layer: nn.Module) -> nn.Module:
            # The layer itself, where something stands beside it.
            plain = cast(nn.Linear, getattr(layer, "layer", layer))
            router = Router(plain.in_features, self.experts, self.temperature)
            return RoutedLinear(layer, router, order)

        network.replace(network.block(place), network.feed_forward[0], routed)


def _check_faded(router: Router) -> None:
    if router.faded:
        return
    end = float(router.end)
    until = (
        f"it will be from {end:g} of the run on, so merge a checkpoint from then"
        if math.isfinite(end)
        else "nothing moves it: train with `vtagml.callbacks.RouterFading` among the callbacks"
    )
    raise ValueError(
        "Experts can be merged into the backbone's weights when their routers' α is exactly 0, "
        f"found {float(router.alpha):g}: {until}."
    )


def _beside(network: nn.Module, first: str) -> HiddenLayers:
    """The layers around the hidden channels, by the path of the first in a network or a block."""
    up, down = (path.rpartition(".")[2] for path in StagedBackbone.feed_forward)
    second = first.removesuffix(up) + down
    layers = (network.get_submodule(path) for path in (first, second))
    return HiddenLayers(*(cast(nn.Linear, layer) for layer in layers))
