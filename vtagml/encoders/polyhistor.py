"""Polyhistor: generated adapters whose generators are linear in the width of a block."""

from collections.abc import Mapping, Sequence
from functools import partial

from vtagml.adapters import DecomposedGenerator, HyperNetwork
from vtagml.affinity import Statistic, elementwise
from vtagml.backbone import Backbone
from vtagml.encoders.generated import Generated


class Polyhistor(Generated):
    """Hyperformer with decomposed hypernetworks (Liu et al., NeurIPS 2022, Sec. 4.1).

    A generator makes low-rank factors of a block's matrices instead of the matrices: e·r·(d + 2d/ρ)
    numbers for a width.

    Note:
        The paper's two ideas are decomposed hypernetworks and layer-wise scaling kernels; what it
        calls Polyhistor has the first for every width, `PolyhistorLite` both, as its captions say
        and as its 6.41 M and 0.41 M numbers on Swin-T suggest. Ranks are not in the text that we
        have: ours, 32, gives 6.05 M for four tasks. In blocks of fewer channels than twice the rank
        the factors are no smaller than what they make.

    Args:
        tasks: Names of the tasks.
        backbone: SwinV2, Swin or ViT.
        blocks: Where bottlenecks stand: pairs (stage, block) counted from one; null for all blocks.
        embedding: Length of the embeddings of tasks and blocks.
        reduction: How many times narrower than its block a bottleneck is.
        rank: r, of the factors.
        statistic: What of the captured gradients an affinity compares.
        checkpointing: Whether the backward computes the blocks behind the fork again.
    """

    hyper: type[HyperNetwork] = HyperNetwork
    """Which hypernetwork has the decomposed generators."""

    def __init__(
        self,
        tasks: Sequence[str],
        backbone: Backbone,
        blocks: Sequence[tuple[int, int]] | None = None,
        embedding: int = 64,
        reduction: int = 2,
        rank: int = 32,
        statistic: Statistic = elementwise,
        checkpointing: bool = False,
    ) -> None:
        self.rank = rank  # the hypernetwork is made with it
        super().__init__(tasks, backbone, blocks, embedding, reduction, statistic, checkpointing)

    def make(self, widths: Mapping[str, int], embedding: int, reduction: int) -> HyperNetwork:
        generator = partial(DecomposedGenerator, reduction=reduction, rank=self.rank)
        return self.hyper(self.tasks, widths, embedding, generator)
