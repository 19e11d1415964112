"""Which group of the optimiser a parameter is in, by its shape and whether it trains."""

import pytest
import torch
from torch import nn

from vtagml.of_tasks import RowsOfTasks
from vtagml.parameters import parameter_groups


class Room(nn.Module):
    """A matrix, a bias, a scale per head as Swin V2 has it, and what is frozen."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 2)
        self.logit_scale = nn.Parameter(torch.ones(4, 1, 1))
        self.frozen = nn.Linear(3, 2).requires_grad_(False)


def test_of_both_rooms_matrices_decay_and_vectors_do_not() -> None:
    decoders, encoder = Room(), Room()

    groups = torch.optim.AdamW(parameter_groups(decoders, encoder), weight_decay=0.5).param_groups

    found = {group["name"]: (group["params"], group["weight_decay"]) for group in groups}
    assert list(found) == [
        "decoders/matrices",
        "decoders/vectors",
        "encoder/matrices",
        "encoder/vectors",
    ]
    for name, room in (("decoders", decoders), ("encoder", encoder)):
        assert found[f"{name}/matrices"] == ([room.linear.weight], 0.5)
        # A scale per head has one long side; its other sides make no matrix of it.
        assert found[f"{name}/vectors"] == ([room.logit_scale, room.linear.bias], 0.0)


def test_a_room_where_nothing_trains_has_no_group() -> None:
    groups = parameter_groups(nn.Linear(3, 2, bias=False), Room().requires_grad_(False))

    assert [group["name"] for group in groups] == ["decoders/matrices"]


@pytest.mark.parametrize("tasks", ["a", "abc"])
def test_a_scale_of_each_task_decays_as_little_as_one_of_all(tasks: str) -> None:
    scales = RowsOfTasks(tasks, torch.ones(len(tasks), 5))

    (group,) = parameter_groups(nn.Module(), nn.Sequential(scales))

    assert group == {"name": "encoder/vectors", "params": [scales.rows], "weight_decay": 0.0}


@pytest.mark.parametrize(
    "layer", [nn.Linear(5, 1), nn.Linear(1, 5), nn.Conv2d(8, 1, 1), nn.ConvTranspose2d(1, 1, 1)]
)
def test_the_weight_of_a_narrow_layer_is_a_matrix(layer: nn.Module) -> None:
    matrices, vectors = parameter_groups(layer, nn.Module())

    assert matrices == {"name": "decoders/matrices", "params": [layer.weight]}
    assert vectors["params"] == [layer.bias]


def test_a_backbone_is_a_group_of_its_own_where_it_is_given() -> None:
    encoder, backbone = nn.Sequential(Room(), Room()), Room()
    encoder.append(backbone)

    groups = parameter_groups(nn.Module(), encoder, [backbone])

    found = {group["name"]: group["params"] for group in groups}
    first, second, _ = encoder
    assert found == {
        "encoder/matrices": [first.linear.weight, second.linear.weight],
        "encoder/vectors": [
            first.logit_scale,
            first.linear.bias,
            second.logit_scale,
            second.linear.bias,
        ],
        "backbone/matrices": [backbone.linear.weight],
        "backbone/vectors": [backbone.logit_scale, backbone.linear.bias],
    }
