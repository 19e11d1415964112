"""How a task's branch runs, which is its decoder and its loss: kept for the backward, or not."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

Pyramid: TypeAlias = list[Tensor]
Loss: TypeAlias = Float[Tensor, ""]

Branch = Callable[[Pyramid], Loss]
"""Makes a task's loss of its pyramid."""

Run = Callable[[Branch, Pyramid, Sequence[nn.Parameter], float], Loss]
"""Takes a branch, its pyramid, what trains in it, and by how much its loss will be scaled."""


def together(
    branch: Branch, pyramid: Pyramid, parameters: Sequence[nn.Parameter], scale: float
) -> Loss:
    """Runs a branch as any function; the activations of all branches are kept for the backward."""
    return branch(pyramid)


def in_turn(
    branch: Branch, pyramid: Pyramid, parameters: Sequence[nn.Parameter], scale: float
) -> Loss:
    """Runs a branch and its backward at once: only gradients are kept, activations of no other.

    A loss enters what is minimised by a factor, so that its gradients are known but for that factor
    before the backward comes. There they are multiplied by it and go where they always go: into the
    parameters and the encoder's streams. So nothing outside can tell the difference: forks,
    accumulation, clipping, precision, DDP's hooks see one ordinary backward.

    Kept are the gradients of the pyramid's levels and of the branch's parameters.

    Args:
        branch: A function of the pyramid and of these parameters, and of nothing else that trains.
        pyramid: Its levels.
        parameters: What trains in the branch.
        scale: By how much the loss will be multiplied before its backward. In 16-bit precision
            gradients would vanish without it; what multiplies beside it, weights of tasks, is near
            one.
    """
    trains = any(each.requires_grad for each in (*pyramid, *parameters))
    if not (trains and torch.is_grad_enabled()):
        return branch(pyramid)
    return _differentiated(branch, scale, len(pyramid), *pyramid, *parameters)


class _AtOnce(torch.autograd.Function):
    """Differentiates a branch in its forward; in the backward there is only a product left."""

    @staticmethod
    def forward(ctx: Any, branch: Branch, scale: float, levels: int, *inputs: Tensor) -> Tensor:
        needed = ctx.needs_input_grad[3:]
        pyramid = [
            level.detach().requires_grad_(needs)
            for level, needs in zip(inputs[:levels], needed, strict=False)
        ]
        with torch.enable_grad():
            loss = branch(pyramid)
        sources = (*pyramid, *inputs[levels:])
        wanted = [source for source, needs in zip(sources, needed, strict=True) if needs]
        # As in an ordinary backward, whose operations autocast does not choose again.
        with torch.autocast(loss.device.type, enabled=False):
            # Not `backward`: that would add to the parameters' gradients, and tell DDP of them.
            found = torch.autograd.grad(
                loss, wanted, torch.full_like(loss, scale), allow_unused=True
            )
        gradients = iter(found)
        ctx.save_for_backward(*(next(gradients) if needs else None for needs in needed))
        ctx.scale = scale
        return loss.detach()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        factor = gradient / ctx.scale
        return None, None, None, *(_scaled(kept, factor) for kept in ctx.saved_tensors)


def _scaled(kept: Tensor | None, factor: Loss) -> Tensor | None:
    if kept is None:  # of what the branch did not use
        return None
    # A factor rounded to half precision would make a whole stream's gradient too long or short.
    return (kept.to(torch.promote_types(kept.dtype, factor.dtype)) * factor).to(kept.dtype)


# torch.compile cannot trace a forward that differentiates; modules that are compiled themselves
# run compiled within it.
_differentiated = cast(Callable[..., Tensor], torch.compiler.disable(_AtOnce.apply))
