"""LoRA in every linear layer of the blocks, as MTLoRA has it."""

from collections.abc import Sequence

from vtagml.backbone import StagedBackbone
from vtagml.tuning.lora import LoRA


class LoRAEverywhere(LoRA):
    """Adds a low-rank product to the matrices of attention and of the feed-forward network.

    Note:
        MTLoRA's configs have no product in the reductions between stages, but its release trains
        these whole, and norms, position biases and the patch embedding with them: 1.60 M of the
        8.34 M that it prints for Swin-T, of which 1.94 M are decoders. Here they stay frozen.
    """

    def layers(self, network: StagedBackbone) -> Sequence[str]:
        return (*network.attention, *network.feed_forward)
