"""Maps on the way to a task's own are taught like it; counts are those of what is taught."""

import math

import torch
from torch import nn

from vtagml.objectives import HeldOut, MixedMean, SumOfTasks
from vtagml.tasks import Classification, Depth, Normals, Task

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


def test_a_name_that_begins_another_s_teaches_nothing_of_it() -> None:
    tasks: dict[str, Task] = {name: Classification(name, 2) for name in ("scene", "scene_indoors")}
    maps = {name: torch.randn(2, 2) for name in tasks}
    batch = {"image": torch.rand(2, 3, SIDE, SIDE), **dict.fromkeys(tasks, torch.tensor([0, 1]))}

    together = SumOfTasks(tasks).losses(maps, batch)

    alone = SumOfTasks({"scene": tasks["scene"]}).losses({"scene": maps["scene"]}, batch)
    assert torch.equal(together[:1], alone)


def test_a_held_out_task_counts_no_pixel_though_it_is_labelled() -> None:
    tasks: dict[str, Task] = {"depth": Depth(), "normals": Normals()}
    batch = {"depth": torch.ones(1, 1, 4, 5), "normals": torch.ones(1, 3, 4, 5)}

    assert HeldOut(tasks, ["depth"]).counts(batch) == [0.0, 20.0]


def test_golden_mean_over_the_labels_of_all_tasks() -> None:
    tasks: dict[str, Task] = {name: Classification(name, 2) for name in ("birds", "cars")}
    batch = {
        "image": torch.rand(4, 3, SIDE, SIDE),
        "birds": torch.tensor([0, 255, 255, 255]),
        "cars": torch.tensor([255, 1, 0, 1]),
    }
    # Scores of zero cost ln 2 each: a mean of one for either task, a quarter and three in one mean.
    maps = {name: torch.zeros(4, 2) for name in tasks}
    own, mixed = (kind(tasks).losses(maps, batch) / math.log(2) for kind in (SumOfTasks, MixedMean))
    torch.testing.assert_close(own, torch.tensor([1.0, 1.0]))
    torch.testing.assert_close(mixed, torch.tensor([0.25, 0.75]))
