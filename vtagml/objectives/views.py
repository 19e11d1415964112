"""What a discriminator sees of a task's output: the same range for every dataset and network."""

import math
from collections.abc import Callable
from functools import partial, singledispatch

from jaxtyping import Float
from torch import Tensor

from vtagml.losses.unknown import full_precision
from vtagml.tasks import Classification, Depth, Normals, Task
from vtagml.tasks.categorical import Categorical
from vtagml.tasks.normals import direction

Span = tuple[float, float]
"""The values of the source that are shown as 0 and as 1."""

View = Callable[[Tensor], Tensor]


@singledispatch
def view_of(task: Task, span: Span | None) -> View:
    """Returns how a discriminator sees a task's map: as it is, unless the kind of task says more.

    Segmentation is seen as its self-information, depth in shares of the source's range, normals as
    unit vectors, edges as they are. A task of another kind can be given its own view by
    `@view_of.register(Kind)`.

    Args:
        task: The task; its class decides.
        span: The source's range, where the view is scaled by it.
    """
    return full_precision


@view_of.register(Categorical)
def _(task: Categorical, span: Span | None) -> View:
    return self_information


@view_of.register(Classification)
def _(task: Classification, span: Span | None) -> View:
    raise ValueError(
        f"`tasks` of an adversarial module must have dense maps, found {task.name} of "
        f"{type(task).__name__}, which is one row of scores: leave it out."
    )


@view_of.register(Depth)
def _(task: Depth, span: Span | None) -> View:
    if span is None or not span[0] < span[1]:
        raise ValueError(
            f"`ranges` must give the source's smallest and largest depth in metres for "
            f"{task.name}, found {span}: for example `ranges: {{{task.name}: [0, 80]}}`."
        )
    return partial(_scaled, task, span)


@view_of.register(Normals)
def _(task: Normals, span: Span | None) -> View:
    return direction


def self_information(
    map: Float[Tensor, "batch channels height width"],
) -> Float[Tensor, "batch channels height width"]:
    """-p·log p / log C of the classes' probabilities: near zero where the network is sure."""
    logarithms = full_precision(map).log_softmax(dim=1)
    return -logarithms.exp() * logarithms / math.log(map.shape[1])


def _scaled(
    task: Depth, span: Span, map: Float[Tensor, "batch 1 height width"]
) -> Float[Tensor, "batch 1 height width"]:
    # Not clamped: a prediction beyond the range must still get a gradient that brings it back.
    return (task.predict(map) - span[0]) / (span[1] - span[0])
