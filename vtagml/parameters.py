"""Which parameters train, and which of them decay."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

from torch import nn

from vtagml.of_tasks import VectorsOfTasks


def parameter_groups(
    decoders: nn.Module, encoder: nn.Module, backbones: Sequence[nn.Module] = ()
) -> list[dict[str, Any]]:
    """Groups what trains for an optimiser, with names that a log can show.

    Vectors (biases, norms, scales, also one scale per head) do not decay: it would pull a norm's
    scale, which starts at zero in Swin V2, back to where the block does nothing. What
    `VectorsOfTasks` keeps are vectors, however many tasks there are.

    Args:
        decoders: Of all tasks.
        encoder: Their encoder.
        backbones: Those in the encoder whose parameters are groups of their own.
    """
    parts = {"decoders": [decoders], "encoder": [encoder], "backbone": backbones}
    apart = {id(each) for backbone in backbones for each in backbone.parameters()}
    within = chain(decoders.modules(), encoder.modules())
    rows = {id(each.rows) for each in within if isinstance(each, VectorsOfTasks)}
    groups: list[dict[str, Any]] = []
    for name, modules in parts.items():
        own = dict.fromkeys(each for module in modules for each in module.parameters())
        here = [each for each in own if (id(each) in apart) == (name == "backbone")]
        training = [each for each in here if each.requires_grad]
        matrices = [each for each in training if not (_is_vector(each) or id(each) in rows)]
        vectors = [each for each in training if _is_vector(each) or id(each) in rows]
        groups.append({"name": f"{name}/matrices", "params": matrices})
        groups.append({"name": f"{name}/vectors", "params": vectors, "weight_decay": 0.0})
    return [group for group in groups if group["params"]]


def _is_vector(parameter: nn.Parameter) -> bool:
    return sum(side > 1 for side in parameter.shape) <= 1
