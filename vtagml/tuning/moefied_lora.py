"""EMTAL: feed-forward networks as experts of similar channels, low-rank products, a soft router."""

import math
from collections.abc import Sequence
from typing import Any, cast

from torch import Tensor, nn

from vtagml.backbone import Backbone, Place, StagedBackbone, staged
from vtagml.experts import (
    BalancedKMeans,
    BlockDiagonal,
    Clustering,
    GivenOrder,
    HiddenLayers,
    RoutedLinear,
    Router,
    hidden_layers,
    reorder,
    routers,
)
from vtagml.tuning.lora import LoRA, LowRankLinear
from vtagml.tuning.tuning import Network

DEVIATION = 0.02


class MoEfiedLoRA(LoRA):
    """Makes experts of each feed-forward network, adds low-rank products, and routes softly.

    EMTAL (NeurIPS 2024), Eq. (3)-(9): the hidden channels change places so that each expert is a
    run of similar ones, which the output does not notice; qkv, proj and both layers of the
    feed-forward network get a low-rank product, of whose wide side each expert has its part; and
    what enters the activation is weighed by expert. With one expert there is no router, and it is
    `LoRAEverywhere`. It merges when `vtagml.callbacks.RouterFading` has brought the weights to
    exactly one.

    Products start at zero, and weights about one: ω differs from it by a tenth (in a ViT-B a logit
    deviates by .02·√768/τ = .11), the levels of a DINOv2-S by 12 to 23 % from the frozen ones. With
    zeros for W_r, or α = 0, it starts as the frozen backbone but for rounding.

    Note:
        Eq. (6)-(7) have a pair of factors for each expert, and nothing in attention; the release
        has one pair for all, whose wide side is split, and products in attention. The printed
        numbers of parameters are those of the release, and so is this; `IndependentMoEfiedLoRA`
        has a pair for each expert, `ReleasedMoEfiedLoRA` the release's start.

    Args:
        experts: How many in each feed-forward network, K; they divide its hidden channels.
        rank: Of the products.
        clustering: Which channels make an expert; null for runs of them as they stand.
        temperature: Of the router's softmax, τ.
    """

    def __init__(
        self,
        experts: int = 16,  # Table 6
        rank: int = 4,
        clustering: Clustering | None = BalancedKMeans(),  # noqa: B008 -- it has no state
        temperature: float = 5.0,
    ) -> None:
        super().__init__(rank)
        self.experts, self.temperature = experts, temperature
        self.clustering = clustering or GivenOrder()

    def layers(self, network: StagedBackbone) -> Sequence[str]:
        return (*network.attention, *network.feed_forward)

    def tune(self, backbone: Backbone) -> None:
        network = staged(backbone.freeze())
        orders = self._reordered(network) if self.experts != 1 else {}
        super().tune(network)
        for place, order in orders.items():
            self._route(network, place, order)

    def mergeable(self, network: nn.Module) -> bool:
        return all(router.faded for router in routers(network))

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
        super().merge(network)
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
            channels = cast(LowRankLinear, layer).layer.in_features
            return RoutedLinear(layer, Router(channels, self.experts, self.temperature), order)

        network.replace(network.block(place), network.feed_forward[0], routed)


class ReleasedMoEfiedLoRA(MoEfiedLoRA):
    """Draws both factors of each product from a normal distribution of a deviation of .02.

    As released: it does not start as the frozen backbone, from which a product differs in the first
    step by a deviation of √rank·.0004 in each number.
    """

    def tune(self, backbone: Backbone) -> None:
        super().tune(backbone)
        for module in backbone.modules():
            if isinstance(module, LowRankLinear):
                nn.init.normal_(module.down.weight, std=DEVIATION)
                nn.init.normal_(module.up.weight, std=DEVIATION)


class IndependentMoEfiedLoRA(MoEfiedLoRA):
    """Has a pair of factors for each expert, as Eq. (6)-(7) print it.

    The factors of a layer's experts stand side by side, in front of the hidden channels
    [A¹ … A^K] and a block B^i for each expert, behind them the reverse: a product of K times the
    rank in all.
    """

    def tune(self, backbone: Backbone) -> None:
        super().tune(backbone)
        network = staged(backbone)
        if self.experts == 1:
            return
        for place in network.places():
            block = network.block(place)
            up, down = (block.get_submodule(path) for path in network.feed_forward)
            self._independent_up(cast(RoutedLinear, up).layer)
            self._independent_down(down)

    def _independent_up(self, pair: Any) -> None:
        layer = pair.layer
        pair.down = nn.Linear(layer.in_features, self.experts * self.rank, bias=False)
        pair.up = BlockDiagonal(self.experts, self.rank, layer.out_features // self.experts)
        nn.init.zeros_(pair.up.blocks)

    def _independent_down(self, pair: Any) -> None:
        layer = pair.layer
        pair.down = BlockDiagonal(self.experts, layer.in_features // self.experts, self.rank)
        pair.up = nn.Linear(self.experts * self.rank, layer.out_features, bias=False)
        nn.init.zeros_(pair.up.weight)


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
