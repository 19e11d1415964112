"""Numbers by role: against Tables 2 and 3 of VMT-Adapter, and by hand."""

from copy import deepcopy
from functools import cache, partial

import pytest
import torch
from torch import nn

from vtagml import MultitaskNetwork
from vtagml.affinity import Uniform
from vtagml.backbone import Swin, SwinV2Nano
from vtagml.decoders import AllMLP, ConvDecoder, Decoders, PerTask
from vtagml.decoders import Shared as SharedTrunk
from vtagml.encoders import VTAGML, Encoder, NamedGroups, Progressive, Separate, Shared
from vtagml.experts import GivenOrder, routers
from vtagml.inference.baked import baked
from vtagml.of_tasks import OfTasks, RowsOfTasks
from vtagml.parameter_roles import (
    Count,
    Role,
    counts,
    of_roles,
    of_some_tasks,
    parameters_of,
    roles_of,
    shared_by_all,
)
from vtagml.tuning import (
    BitFit,
    BottleneckAdapter,
    Frozen,
    Full,
    LoRA,
    MoEfiedLoRA,
    RelativeBias,
    Tuning,
)

OUTPUTS = {"segmentation": 21, "parts": 7, "saliency": 1, "normals": 3}
WHOLE = 27_517_818  # Swin-T without head and final norm
LORA_LAYERS = 4 * 2_156_544  # qkv and proj of twelve blocks: 4·Σd²
HEADS = 257 * 32  # 1x1 of 256 channels with a bias, 21 + 7 + 1 + 3 maps
DECODERS = 2_549_024  # All-MLP for four tasks; printed 2.55 M


@cache
def swin() -> Swin:
    return Swin(weights=None)


def network(kind: type[Encoder], tuning: Tuning, **outputs: int) -> MultitaskNetwork:
    def encoder(tasks: tuple[str, ...]) -> Encoder:
        return kind(tasks, deepcopy(swin()), tuning)  # type: ignore[call-arg, arg-type]

    decoders = partial(PerTask, decoder=AllMLP)
    return MultitaskNetwork(outputs or OUTPUTS, encoder, decoders, Uniform)  # type: ignore[arg-type]


def by_role(found: MultitaskNetwork) -> dict[Role, Count]:
    return of_roles(counts(found, baked(found, (64, 64))))


@pytest.mark.parametrize(
    ("tuning", "once", "left"),
    [
        (Frozen(), 0, 0),
        (BitFit(), 75_546 - 768, 75_546 - 768),  # the final norm's bias is not in a pyramid
        (RelativeBias(), 23_322, 23_322),
        (BottleneckAdapter(reduction=2), 2_172_000, 2_172_000),
        (LoRA(rank=5), 132_480, 0),  # merged into matrices that were there
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Tuning) else "",
)
def test_shared_tunings_of_swin(tuning: Tuning, once: int, left: int) -> None:
    found = by_role(network(Shared, tuning))
    replaced = tuning.__class__ in (BitFit, RelativeBias)
    frozen = WHOLE - once if replaced else WHOLE
    assert found == {
        Role.BACKBONE: Count(0, frozen, frozen),
        Role.SHARED: Count(once, once, left),
        Role.PER_TASK: Count(0, 0, 0),
        Role.DECODER: Count(DECODERS - HEADS, DECODERS - HEADS, DECODERS - HEADS),
        Role.HEAD: Count(HEADS, HEADS, HEADS),
    }


def test_full_tuning_trains_the_backbone() -> None:
    found = by_role(network(Shared, Full()))
    assert found[Role.BACKBONE] == Count()
    assert found[Role.SHARED] == Count(WHOLE, WHOLE, WHOLE)


@pytest.mark.parametrize(
    ("tuning", "own", "frozen"),
    [
        (Frozen(), 0, WHOLE),
        (Full(), 110_071_272, 0),
        (BottleneckAdapter(reduction=2), 8_688_000, WHOLE),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Tuning) else "",
)
def test_separate_stores_what_is_frozen_once(tuning: Tuning, own: int, frozen: int) -> None:
    found = by_role(network(Separate, tuning))
    assert found[Role.BACKBONE] == Count(0, frozen, frozen)
    assert found[Role.SHARED] == Count()
    assert found[Role.PER_TASK] == Count(own, own, own)


def test_merging_apart_gives_every_task_matrices_of_its_own() -> None:
    """So it is smaller before it is merged: four times 132,480 beside one backbone."""
    found = by_role(network(Separate, LoRA(rank=5)))
    assert found[Role.PER_TASK] == Count(4 * 132_480, 4 * 132_480, 4 * LORA_LAYERS)
    assert found[Role.BACKBONE] == Count(0, WHOLE, WHOLE - LORA_LAYERS)


def test_experts_are_tuning_until_they_have_faded_into_the_backbone() -> None:
    def encoder(tasks: tuple[str, ...]) -> Shared:
        return Shared(tasks, SwinV2Nano(weights=None), MoEfiedLoRA(4, 2, GivenOrder()))

    found = MultitaskNetwork({"depth": 1}, encoder, partial(PerTask, decoder=ConvDecoder), Uniform)  # type: ignore[arg-type]
    frozen = SwinV2Nano(weights=None).parameters()
    whole = sum(each.numel() for each in frozen)
    widths = 2 * 32 + 2 * 64 + 6 * 128 + 2 * 256  # of all blocks
    once = (16 * 2 + 4) * widths  # LoRA everywhere has 16d per rank; a router has d per expert
    before = by_role(found)
    assert before[Role.SHARED] == Count(once, once, once)
    for router in routers(found):
        router.fade(0.0)
    after = by_role(found)
    assert after[Role.SHARED] == Count(once, once, 0)
    assert after[Role.BACKBONE] == before[Role.BACKBONE] == Count(0, whole, whole)


def test_with_one_task_all_is_shared_and_the_backbone_stays_one() -> None:
    found = by_role(network(Separate, BottleneckAdapter(reduction=2), depth=1))
    assert found[Role.BACKBONE] == Count(0, WHOLE, WHOLE)
    assert found[Role.SHARED] == Count(2_172_000, 2_172_000, 2_172_000)
    assert found[Role.PER_TASK] == Count()


def vtagml(decoders: type[Decoders] = PerTask) -> MultitaskNetwork:
    return MultitaskNetwork(
        {"segmentation": 4, "depth": 1},
        lambda tasks: VTAGML(tasks, SwinV2Nano(weights=None), embedding=8),
        partial(decoders, decoder=ConvDecoder),  # type: ignore[call-arg]
        Uniform,
    )


def test_what_the_affinities_decide_is_deployed_as_constants() -> None:
    found = vtagml()
    deployed = baked(found, (64, 64))
    counted = counts(found, deployed)
    # Two embeddings of 8 train; deployed they are averaged by ω, and as many.
    assert counted["encoder.embedding", Role.PER_TASK] == Count(16, 16, 16)
    adapter = "encoder.adapters.stage3_block3"
    assert counted[adapter, Role.SHARED].deployed < counted[adapter, Role.SHARED].trained  # type: ignore[operator]
    assert counted[adapter, Role.PER_TASK].stored == 0
    own = {name for name, _ in found.named_buffers()}
    new = sum(each.numel() for name, each in deployed.named_buffers() if name not in own)
    left = sum(each.numel() for each in deployed.parameters())
    total = sum(of_roles(counted).values(), Count())
    assert total.deployed == new + left
    assert total.stored == sum(each.numel() for each in found.parameters())
    assert total.trained == sum(e.numel() for e in found.parameters() if e.requires_grad)


def test_without_an_inference_form_nothing_is_said_of_it() -> None:
    found = of_roles(counts(vtagml()))
    assert {count.deployed for count in found.values()} == {None}
    assert sum(found.values(), Count()).deployed is None


def test_heads_of_a_shared_trunk() -> None:
    found = vtagml(SharedTrunk)
    roles = roles_of(found)
    heads = {name for name, role in roles.items() if role is Role.HEAD}
    assert heads == {
        f"decoders.heads.{task}.{kind}"
        for task in ("segmentation", "depth")
        for kind in ("weight", "bias")
    }


def test_shared_by_all_is_what_trains_and_is_no_tasks_own() -> None:
    apart, together = vtagml(), vtagml(SharedTrunk)
    adapters = {id(each) for each in apart.encoder.adapters.parameters()}  # type: ignore[attr-defined]
    assert {id(each) for each in shared_by_all(apart)} == adapters
    trunk = {id(each) for each in together.decoders.decoder.parameters()}  # type: ignore[attr-defined]
    shared = {id(each) for each in shared_by_all(together)}
    assert trunk
    assert trunk <= shared
    assert not {id(each) for each in together.decoders.heads.parameters()} & shared  # type: ignore[attr-defined]
    assert shared_by_all(network(Separate, LoRA(rank=2))) == []


class Grouped(nn.Module):
    """Three tasks: one module for all of them, one for two, one for one; and a row for each."""

    def __init__(self) -> None:
        super().__init__()
        everybody, pair = nn.Linear(1, 1), nn.Linear(2, 1)
        self.common = OfTasks(dict.fromkeys("abc", everybody))
        self.groups = OfTasks({"a": pair, "b": pair, "c": nn.Linear(3, 1)})
        self.rows = RowsOfTasks("abc", torch.zeros(3, 5))
        self.beside = nn.Parameter(torch.zeros(7))


def test_what_only_some_tasks_have_is_not_shared_by_all() -> None:
    module = Grouped()
    own = of_some_tasks(module)
    names = {name for name, each in module.named_parameters() if id(each) in own}
    assert names == {"groups.a.weight", "groups.a.bias", "groups.c.weight", "groups.c.bias"} | {
        "rows.rows"
    }
    assert {each.numel() for each in shared_by_all(module)} == {1, 7}
    assert of_some_tasks(RowsOfTasks("a", torch.zeros(1, 5))) == set()


def test_what_a_group_of_some_tasks_has_is_not_shared_by_all() -> None:
    tasks = ("a", "b", "c")
    groups = NamedGroups([[["a", "b", "c"]], [["a", "b"], ["c"]], *2 * [[["a"], ["b"], ["c"]]]])
    module = Progressive(tasks, SwinV2Nano(weights=None), LoRA(2), groups)
    pair = {id(each) for each in module.shared["a+b"].parameters()}
    alone = {id(each) for each in module.own.parameters()}
    assert pair
    assert of_some_tasks(module) == pair | alone
    assert {id(each) for each in shared_by_all(module)} == {
        id(each) for each in module.shared["a+b+c"].parameters()
    }


def test_every_parameter_counts_once_in_its_first_part() -> None:
    module = Grouped()
    found = [(part, name) for part, name, _ in parameters_of(module)]
    assert len(found) == len({name for _, name in found}) == len(list(module.parameters()))
    assert ("groups.a", "groups.a.weight") in found
    assert ("network", "beside") in found
    assert not [part for part, _ in found if part == "groups.b"]


def test_counts_by_hand() -> None:
    counted = counts(Grouped())
    assert counted["rows", Role.PER_TASK] == Count(15, 15, None)
    assert counted["groups.a", Role.PER_TASK].trained == 3
    assert counted["network", Role.SHARED].trained == 7
    assert counted["common.a", Role.SHARED].stored == 2
