"""What of a gradient enters the cosine: every element of it, or its sum over the tokens."""

from collections.abc import Callable
from typing import Any, TypeAlias

from jaxtyping import Float
from torch import Tensor

# Without the shapes below: a config names one of the functions, and its parser compares types.
Statistic: TypeAlias = Callable[..., Any]
Gradient: TypeAlias = Float[Tensor, "task batch *tokens channels"]


def elementwise(gradient: Gradient) -> Float[Tensor, "task batch features"]:
    """Every element of a task's gradient, image by image: the default.

    Two tasks agree when they want the same change at the same place. It has the smallest spread
    from step to step, and it ranks pairs of tasks as the gradients of shared parameters do.
    """
    return gradient.flatten(2)


def token_summed(gradient: Gradient) -> Float[Tensor, "task batch features"]:
    """The gradient of one shift common to all tokens of an image: the sum over its tokens.

    Two tasks agree when they want the same change on the whole. It is noisier than `elementwise`,
    and nearer to the gradient of a bias.
    """
    task, batch, *_, channels = gradient.shape
    return gradient.reshape(task, batch, -1, channels).sum(2)
