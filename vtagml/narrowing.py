"""Numbers in a narrower precision, if they have a place there."""

import torch
from jaxtyping import Shaped
from torch import Tensor


def narrowed(
    name: str, value: Shaped[Tensor, "*size"], dtype: torch.dtype
) -> Shaped[Tensor, "*size"]:
    """Returns a value in memory of its own and in a precision; integers stay as they are.

    Args:
        name: What the error calls it.
        value: On any device; what is returned is on the CPU.
        dtype: The precision.

    Raises:
        ValueError: Something finite would not be so any more.
    """
    value = value.detach().cpu()
    if not value.is_floating_point():
        return value.clone().contiguous()
    narrow = value.to(dtype).clone().contiguous()
    if not torch.equal(narrow.isfinite(), value.isfinite()):
        raise ValueError(
            f"`dtype` {dtype} cannot hold `{name}`, whose largest value is "
            f"{float(value.abs().max()):.3g}: choose bfloat16 or float32."
        )
    return narrow
