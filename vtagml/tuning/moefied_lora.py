"""EMTAL: feed-forward networks as experts of similar channels, low-rank products, a soft router."""

from typing import Any, cast

from torch import nn

from vtagml.backbone import Backbone, staged
from vtagml.experts import BalancedKMeans, BlockDiagonal, Clustering, RoutedLinear
from vtagml.tuning.lora import LowRankLinear
from vtagml.tuning.lora_everywhere import LoRAEverywhere
from vtagml.tuning.moefied import MoEfied

DEVIATION = 0.02


class MoEfiedLoRA(MoEfied):
    """Makes experts of each feed-forward network, adds low-rank products, and routes softly.

    EMTAL (NeurIPS 2024), Eq. (3)-(9): qkv, proj and both layers of the feed-forward network get a
    low-rank product, of whose wide side each expert has its part. Products start at zero. With one
    expert it is `LoRAEverywhere`.

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
        super().__init__(LoRAEverywhere(rank), experts, clustering, temperature)
        self.rank = rank


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
