"""A module that differs from task to task in some of its tensors, run once for all of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel


def own_tensors(modules: Sequence[nn.Module]) -> dict[str, Tensor]:
    """Stacks, by name, the parameters in which modules of one making differ; a row for each."""
    first, *others = modules
    return {
        name: torch.stack([module.get_parameter(name) for module in modules])
        for name, parameter in first.named_parameters()
        if any(module.get_parameter(name) is not parameter for module in others)
    }


def folded(module: nn.Module, own: Mapping[str, Tensor], *inputs: Tensor, apart: bool) -> Any:
    """Runs a module once for every row of tensors that take the place of its own.

    All rows are one batch wherever the module's other tensors are at work, and what does not depend
    on a row yet is computed once.

    Args:
        module: What runs.
        own: Tensors by the names of its parameters, with a leading axis of rows.
        inputs: What it is given.
        apart: Whether the inputs have that leading axis, too.

    Returns:
        Its outputs with a leading axis of rows.
    """

    def of_one_row(tensors: dict[str, Tensor], *given: Tensor) -> Any:
        return functional_call(module, tensors, given)

    axes = (0, *(0 if apart else None for _ in inputs))
    rows = vmap(of_one_row, in_dims=axes, randomness="different")
    if inputs[0].device.type != "cpu":
        return rows(dict(own), *inputs)
    # The fused attention of CPUs has no rule for a further axis and would run row by row.
    with sdpa_kernel(SDPBackend.MATH):
        return rows(dict(own), *inputs)
