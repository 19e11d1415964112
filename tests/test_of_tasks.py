"""What belongs to a task has its name, in the network and in its state."""

import pytest
import torch
from torch import nn

from vtagml.of_tasks import (
    OfGroups,
    OfTasks,
    RowsOfTasks,
    keys_of,
    modules_of,
    modules_within,
)


class Network(nn.Module):
    def __init__(self, tasks: list[str]) -> None:
        super().__init__()
        self.rows = RowsOfTasks(tasks, torch.randn(len(tasks), 3))
        self.heads = OfTasks({task: nn.Linear(3, 1) for task in tasks})
        self.other = nn.ModuleDict({task: nn.Linear(1, 1) for task in tasks})


def test_rows_are_saved_under_the_names_of_their_tasks() -> None:
    network = Network(["depth", "edges"])

    state = network.state_dict()

    assert {key for key in state if key.startswith("rows")} == {"rows.depth", "rows.edges"}
    assert torch.equal(state["rows.edges"], network.rows.rows[1])


def test_rows_find_their_task_whatever_the_order() -> None:
    network, other = Network(["depth", "edges"]), Network(["edges", "depth"])

    other.load_state_dict(network.state_dict())

    assert torch.equal(other.rows.rows, network.rows.rows.flip(0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows.depth": None}, r"Missing key.*rows\.depth"),
        ({"rows.normals": torch.zeros(3)}, r"Unexpected key.*rows\.normals"),
        ({"rows.depth": torch.zeros(4)}, r"`rows\.depth` must have shape \(3,\), found \(4,\)"),
    ],
)
def test_a_state_of_other_rows_is_refused(
    change: dict[str, torch.Tensor | None], message: str
) -> None:
    network = Network(["depth", "edges"])
    state = {**network.state_dict(), **change}

    with pytest.raises(RuntimeError, match=message):
        network.load_state_dict({key: value for key, value in state.items() if value is not None})


def test_what_is_a_task_s_alone_is_found_by_structure() -> None:
    network = Network(["depth", "edges"])

    assert keys_of(network, "edges") == {"rows.edges", "heads.edges.weight", "heads.edges.bias"}
    assert list(modules_of(network, "edges")) == [network.heads["edges"]]


def test_groups_have_a_module_each_and_know_which_tasks_they_have() -> None:
    groups = OfGroups(("a", "b", "c"))
    everyone, pair = groups.of(("a", "b", "c")), groups.of(("a", "c"))

    assert groups.of(("a", "c")) is pair
    assert list(groups) == ["a+b+c", "a+c"]
    assert list(groups.of_some()) == [pair]
    assert list(groups.within(["a", "c"])) == [pair]
    assert list(groups.within(["a", "b"])) == []
    assert list(modules_within(groups, ["a", "b", "c"])) == [everyone, pair]
