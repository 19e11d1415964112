"""Maps on the way to a task's own are taught like it."""

import torch
from torch import nn

from vtagml.objectives import SumOfTasks
from vtagml.tasks import Depth, Normals, Task

SIDE = 32


def test_maps_on_the_way_are_taught_by_the_same_label() -> None:
    tasks: dict[str, Task] = {"depth": Depth(), "normals": Normals()}
    maps = {"depth": torch.randn(2, 1, SIDE, SIDE), "normals": torch.randn(2, 3, SIDE, SIDE)}
    first, second = torch.randn(2, 1, SIDE, SIDE), torch.randn(2, 1, SIDE, SIDE)
    batch = {
        "image": torch.rand(2, 3, SIDE, SIDE),
        "depth": 1 + torch.rand(2, 1, SIDE, SIDE),
        "normals": nn.functional.normalize(torch.randn(2, 3, SIDE, SIDE), dim=1),
    }
    objective = SumOfTasks(tasks)

    found = objective.losses(maps | {"depth/1": first, "depth/2": second}, batch)

    alone = [
        objective.losses(maps | {"depth": each}, batch) for each in (maps["depth"], first, second)
    ]
    torch.testing.assert_close(found[0], sum(losses[0] for losses in alone))
    assert torch.equal(found[1], alone[0][1])
