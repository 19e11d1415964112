"""Which parameters train, and which of them decay."""

from collections.abc import Sequence
from typing import Any

from torch import nn

from vtagml.of_tasks import RowsOfTasks

LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d)


def parameter_groups(
    decoders: nn.Module, encoder: nn.Module, backbones: Sequence[nn.Module] = ()
) -> list[dict[str, Any]]:
    """Groups what trains for an optimiser, with names that a log can show.

    Vectors (biases, norms, scales, also one scale per head) do not decay: it would pull a norm's
    scale, which starts at zero in Swin V2, back to where the block does nothing. What
    `RowsOfTasks` keeps are vectors, however many tasks there are; the weight of a linear layer
    or a convolution is none, also of one channel or of rank 1.

    Args:
        decoders: Of all tasks.
        encoder: Their encoder.
        backbones: Those in the encoder whose parameters are groups of their own.
    """
    parts = {"decoders": [decoders], "encoder": [encoder], "backbone": backbones}
    apart = {id(each) for backbone in backbones for each in backbone.parameters()}
    within = [*decoders.modules(), *encoder.modules()]
    rows = {id(each.rows) for each in within if isinstance(each, RowsOfTasks)}
    weights = {id(each.weight) for each in within if isinstance(each, LAYERS)}

    def is_vector(parameter: nn.Parameter) -> bool:
        long = sum(side > 1 for side in parameter.shape)
        return id(parameter) in rows or (long <= 1 and id(parameter) not in weights)

    groups: list[dict[str, Any]] = []
    for name, modules in parts.items():
        own = dict.fromkeys(each for module in modules for each in module.parameters())
        here = [each for each in own if (id(each) in apart) == (name == "backbone")]
        training = [each for each in here if each.requires_grad]
        matrices = [each for each in training if not is_vector(each)]
        vectors = [each for each in training if is_vector(each)]
        groups.append({"name": f"{name}/matrices", "params": matrices})
        groups.append({"name": f"{name}/vectors", "params": vectors, "weight_decay": 0.0})
    return [group for group in groups if group["params"]]
