"""Which parameters train, and which of them decay."""

from typing import Any

from torch import nn

from vtagml.of_tasks import VectorsOfTasks


def parameter_groups(decoders: nn.Module, encoder: nn.Module) -> list[dict[str, Any]]:
    """Groups what trains for an optimiser, with names that a log can show.

    Vectors (biases, norms, scales, also one scale per head) do not decay: it would pull a norm's
    scale, which starts at zero in Swin V2, back to where the block does nothing. What
    `VectorsOfTasks` keeps are vectors, however many tasks there are.
    """
    groups: list[dict[str, Any]] = []
    for name, module in (("decoders", decoders), ("encoder", encoder)):
        training = [each for each in module.parameters() if each.requires_grad]
        of_tasks = [each.rows for each in module.modules() if isinstance(each, VectorsOfTasks)]
        rows = {id(each) for each in of_tasks}
        matrices = [each for each in training if not (_is_vector(each) or id(each) in rows)]
        vectors = [each for each in training if _is_vector(each) or id(each) in rows]
        groups.append({"name": f"{name}/matrices", "params": matrices})
        groups.append({"name": f"{name}/vectors", "params": vectors, "weight_decay": 0.0})
    return [group for group in groups if group["params"]]


def _is_vector(parameter: nn.Parameter) -> bool:
    return sum(side > 1 for side in parameter.shape) <= 1
