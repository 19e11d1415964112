"""What the colours of directions mean: a ball, each of whose points shows its own normal."""

import torch
from jaxtyping import Float
from torch import Tensor

from vtagml.tasks.task import Task

SIDE = 96


def direction_key(task: Task, side: int = SIDE) -> Float[Tensor, "3 side side"]:
    """Returns a ball in the colours that a task gives to directions; grey around it.

    The ball is seen from the front: on its right the normal points right, above it points up, in
    its middle towards the eye.
    """
    places = (torch.arange(side) + 0.5) * 2 / side - 1
    down, right = torch.meshgrid(places, places, indexing="ij")
    square = 1 - right**2 - down**2
    # x points right, y down and z into the scene: what faces the eye has a negative z.
    normals = torch.stack([right, down, -square.clamp(min=0).sqrt()])
    return task.picture(torch.where(square > 0, normals, torch.nan)[None])[0]
