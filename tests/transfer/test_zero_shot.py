"""Tuned without the labels of a task: what moves, what stays, what is never looked at."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning import Trainer
from torch import Tensor
from torch.utils.data import DataLoader

from datamodules import Source
from datamodules.base import DenseDataModule
from tests.fakes.backbones import TinySwinV2, awake
from tests.fakes.holes import CLASSES, SIDE, Holes, holes, sgd, small_decoder
from tests.fakes.trainers import trainer
from tests.transfer.runs import moved_vtagml, save_run
from vtagml.affinity import TROA, Uniform
from vtagml.decoders import PerTask, Shared
from vtagml.encoders import (
    VMT,
    VTAGML,
    NamedGroups,
    PolyhistorLite,
    Progressive,
    Separate,
    SideVTAGML,
    TADFormer,
)
from vtagml.encoders import Shared as SharedStream
from vtagml.module import MultitaskModule
from vtagml.objectives import HeldOut
from vtagml.of_tasks import keys_of
from vtagml.parameters import parameter_groups
from vtagml.tasks import Depth, Edges, Normals, Segmentation
from vtagml.transfer import SourceWeights
from vtagml.tuning import BitFit, BottleneckAdapter, Frozen

HELD_OUT = ["depth"]
TASKS = ["segmentation", "depth", "normals", "edges"]
ROW = TASKS.index("depth")
FROZEN = partial(SharedStream, tuning=Frozen())
ADAPTERS = partial(SharedStream, tuning=BottleneckAdapter())
SEPARATE = partial(Separate, tuning=BitFit())
GROUPS = [
    [TASKS],
    [["segmentation", "depth", "normals"], ["edges"]],
    *2 * [[["segmentation"], ["depth", "normals"], ["edges"]]],
]
PROGRESSIVE = partial(Progressive, tuning=BottleneckAdapter(), grouping=NamedGroups(GROUPS))


def zero_shot(
    held_out: list[str] = HELD_OUT, encoder: Any = VTAGML, decoders: Any = PerTask
) -> MultitaskModule:
    torch.manual_seed(1)
    return MultitaskModule(
        [Segmentation(CLASSES), Depth(), Normals(), Edges()],
        lambda tasks: encoder(tasks, awake(TinySwinV2((SIDE, SIDE)))),
        partial(decoders, decoder=small_decoder),
        Uniform
        if encoder in (SEPARATE, PROGRESSIVE)
        else lambda tasks: TROA(tasks, start=0, every=1),
        objective=lambda tasks: HeldOut(tasks, held_out),
        optimizer=sgd,
    )


def starting(source: Path, folder: Path, **settings: Any) -> Trainer:
    return trainer(folder, callbacks=[SourceWeights(source)], **settings)


class RandomDepth(Holes):
    """As `Holes`, with other depths."""

    def source(self, split: str) -> Source[int]:
        return Source(super().source(split).records, with_random_depth)


def with_random_depth(index: int, tasks: Any) -> dict[str, Any]:
    sample = holes(index, tasks)
    if "depth" in tasks:
        sample["depth"] = np.random.default_rng(99 + index).uniform(1, 9, (SIDE, SIDE)).astype("f4")
    return sample


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_run(moved_vtagml(), tmp_path_factory.mktemp("source"))


def tuned(
    source: Path, folder: Path, data: DenseDataModule, steps: int = 3
) -> tuple[Mapping[str, Tensor], Mapping[str, Any]]:
    """State of the network after a fit, and the metrics of a test."""
    module = zero_shot()
    run = starting(source, folder, max_steps=steps)
    run.fit(module, data)
    return module.network.state_dict(), run.test(module, data, verbose=False)[0]


def withheld(kind: type[Holes] = Holes, batch: int = 2) -> Holes:
    return kind(batch_size=batch, workers=0, withheld=HELD_OUT)


def test_the_held_out_task_stays_and_the_others_tune(source: Path, tmp_path: Path) -> None:
    start = torch.load(source, weights_only=True)["state_dict"]
    state, metrics = tuned(source, tmp_path, withheld())
    moved = {key for key in state if not torch.equal(state[key], start[f"network.{key}"])}
    assert not {key for key in moved if key.startswith("decoders.decoders.depth")}
    for room in ("encoder.adapters", "encoder.embedding", "decoders.decoders.segmentation"):
        assert any(key.startswith(room) for key in moved), room
    assert not any(key.startswith("encoder.backbone") for key in moved)
    # Evaluated although it was not trained.
    assert np.isfinite(metrics["test/depth/rmse"])
    before, after = start["network.affinity.log_weights"], state["affinity.log_weights"]
    assert torch.equal(after[ROW], before[ROW])
    assert not torch.equal(after[0, 2:], before[0, 2:])  # TROA goes on among the others
    assert torch.equal(state["affinity.similarity"][ROW], start["network.affinity.similarity"][ROW])


def test_random_labels_of_the_held_out_task_change_no_bit(source: Path, tmp_path: Path) -> None:
    one, metrics = tuned(source, tmp_path, withheld())
    other, other_metrics = tuned(source, tmp_path, withheld(RandomDepth))
    for key, value in one.items():
        assert torch.equal(value, other[key]), key
    assert metrics["test/depth/rmse"] != other_metrics["test/depth/rmse"]
    assert metrics["test/normals/merr"] == other_metrics["test/normals/merr"]


def test_labels_in_the_batch_are_not_looked_at_either(source: Path, tmp_path: Path) -> None:
    states = []
    for depth in (1.0, torch.nan, torch.inf):
        module = zero_shot()
        data = Holes(batch_size=2, workers=0)
        data.setup("fit")
        batch = next(iter(data.train_dataloader()))
        batch["image"] = batch["image"].float() / 255
        batch["depth"] = torch.full_like(batch["depth"], depth)
        starting(source, tmp_path, max_steps=1).fit(module, DataLoader([batch], batch_size=None))  # type: ignore[arg-type]
        states.append(module.network.state_dict())
    for key, value in states[0].items():
        assert torch.equal(value, states[1][key]), key
        assert torch.equal(value, states[2][key]), key


@pytest.mark.parametrize(
    ("encoder", "decoders"),
    [
        (VTAGML, PerTask),
        (VTAGML, Shared),
        (FROZEN, PerTask),
        (ADAPTERS, Shared),
        (SEPARATE, PerTask),
    ],
)
def test_what_trains_has_a_gradient_and_nothing_else(encoder: Any, decoders: Any) -> None:
    # A parameter without one would let the ranks of a distributed run wait for each other.
    module = zero_shot(encoder=encoder, decoders=decoders)
    data = withheld()
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    batch["image"] = batch["image"].float() / 255
    module.objective(module.network, batch).tasks.sum().backward()
    for name, parameter in module.network.named_parameters():
        assert (parameter.grad is not None) == parameter.requires_grad, name
        assert not (parameter.requires_grad and ".depth." in name), name


def test_all_tune_but_the_backbone_and_the_held_out_task() -> None:
    network = zero_shot().network
    for name, parameter in network.encoder.named_parameters():
        assert parameter.requires_grad == (not name.startswith("backbone")), name
    for name, parameter in network.decoders.named_parameters():
        assert parameter.requires_grad == (".depth." not in name), name


@pytest.mark.parametrize("held_out", [[], ["saliency"], TASKS, "depth", ["depth", "depth"]])
def test_held_out_is_some_of_the_tasks(held_out: Any) -> None:
    with pytest.raises(ValueError, match=r"`held_out` must be a list of some of the `tasks`"):
        zero_shot(held_out)


@pytest.mark.parametrize("kept", [[], ["normals"], ["depth", "normals"]])
def test_data_that_withhold_other_tasks_are_refused(kept: list[str], tmp_path: Path) -> None:
    data = Holes(batch_size=2, workers=0, withheld=kept)
    with pytest.raises(ValueError, match=r"`data\.withheld` must be .*\['depth'\], found"):
        trainer(tmp_path, max_steps=1).fit(zero_shot(), data)


def test_a_seen_task_needs_its_labels() -> None:
    module = zero_shot()
    data = Holes(batch_size=2, workers=0, withheld=["depth", "normals"])
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    with pytest.raises(ValueError, match=r"each of the `tasks` .*none of \['normals'\]"):
        module.objective(module.network, batch | {"image": batch["image"].float() / 255})


def test_the_log_has_no_loss_of_the_held_out_task(tmp_path: Path) -> None:
    run = trainer(tmp_path, max_steps=1)
    run.fit(zero_shot(), withheld())
    logged = {key for key in run.callback_metrics if key.endswith("/loss") and key.count("/") == 2}
    assert logged == {"train/segmentation/loss", "train/normals/loss", "train/edges/loss"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:It is recommended to use .*sync_dist")
@pytest.mark.filterwarnings("ignore:.*does not have many workers")
def test_two_ranks_tune_as_one_process(source: Path, tmp_path: Path) -> None:
    states = []
    for ranks in (1, 2):
        module = zero_shot().double()
        run = starting(source, tmp_path, ranks=ranks, max_steps=3, precision="64-true")
        run.fit(module, withheld(batch=2 // ranks))
        states.append(module.network.state_dict())
    alone, together = states
    for key, value in alone.items():
        torch.testing.assert_close(together[key], value, rtol=1e-10, atol=1e-10, msg=key)
    start = torch.load(source, weights_only=True)["state_dict"]
    key = "decoders.decoders.depth"
    frozen = [name for name in together if name.startswith(key)]
    assert frozen
    for name in frozen:
        assert torch.equal(together[name], start[f"network.{name}"].to(together[name])), name


def test_a_group_of_held_out_tasks_is_frozen_and_one_with_a_taught_task_is_not() -> None:
    module = zero_shot(["depth", "normals"], PROGRESSIVE)

    encoder = module.network.encoder
    assert isinstance(encoder, Progressive)
    training = {
        name: {each.requires_grad for each in own.parameters()}
        for name, own in [*encoder.shared.items(), *encoder.own.items()]
    }
    assert training == {
        "+".join(TASKS): {True},
        "segmentation+depth+normals": {True},
        "depth+normals": {False},
        **{name: {True} for name in ("segmentation", "edges")},
        **{name: set() for name in ("depth", "normals")},
    }


@pytest.mark.parametrize(
    "method", [VTAGML, SideVTAGML, VMT, partial(PolyhistorLite, embedding=8, rank=4), TADFormer]
)
def test_what_is_a_held_out_task_s_own_does_not_decay(method: Any) -> None:
    module = zero_shot(HELD_OUT, method)
    groups = parameter_groups(module.network.decoders, module.network.encoder)
    optimizer = torch.optim.AdamW(groups, lr=0.1, weight_decay=0.5)
    for each in module.parameters():
        each.grad = torch.zeros_like(each)
    state = module.network.encoder.state_dict()
    before = {k: state[k].clone() for k in keys_of(module.network.encoder, "depth")}

    optimizer.step()

    assert before
    assert all(torch.equal(state[key], value) for key, value in before.items())
