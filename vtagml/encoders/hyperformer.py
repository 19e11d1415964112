"""Hyperformer: adapters of all tasks and blocks are the output of one small network."""

from collections.abc import Mapping
from functools import partial

from vtagml.adapters import Generator, HyperNetwork
from vtagml.encoders.generated import Generated


class Hyperformer(Generated):
    """Hyperformer (Karimi Mahabadi et al., ACL 2021) on a hierarchical backbone.

    A linear generator for each width makes whole matrices, so it has 2·e·d²/ρ numbers for them:
    most of what trains belongs to the widest blocks.

    Note:
        Made for language networks of one width, it came to vision in Polyhistor's benchmark
        (NeurIPS 2022), whose 72.77 M numbers on Swin-T no definition in print gives. Ours are
        50.29 M for four tasks: embeddings of 64, and bottlenecks half as wide as their blocks, as
        those of that benchmark's adapters seem to be. The norm in front is not generated.
    """

    def make(self, widths: Mapping[str, int], embedding: int, reduction: int) -> HyperNetwork:
        generator = partial(Generator, reduction=reduction)
        return HyperNetwork(self.tasks, widths, embedding, generator)
