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

    if torch.compiler.is_exporting():  # a trace through vmap holds for one size of batch alone
        count = len(inputs[0]) if apart else len(next(iter(own.values())))
        rows_of = [{name: tensor[row] for name, tensor in own.items()} for row in range(count)]
        given = [[each[row] if apart else each for each in inputs] for row in range(count)]
        return _stacked([of_one_row(mine, *its) for mine, its in zip(rows_of, given, strict=True)])
    axes = (0, *(0 if apart else None for _ in inputs))
    rows = vmap(of_one_row, in_dims=axes, randomness="different")
    if inputs[0].device.type != "cpu":
        return rows(dict(own), *inputs)
    # The fused attention of CPUs has no rule for a further axis and would run row by row.
    with sdpa_kernel(SDPBackend.MATH):
        return rows(dict(own), *inputs)


def _stacked(outputs: Sequence[Any]) -> Any:
    """Gives tensors, or lists of them, a leading axis of rows."""
    if isinstance(outputs[0], Tensor):
        return torch.stack(list(outputs))
    return [torch.stack(each) for each in zip(*outputs, strict=True)]
