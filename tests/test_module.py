"""The module: losses, their weights, logs, checkpoints."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from tests.fakes.trainers import trainer
from vtagml.affinity import TROA, Affinity, Identity
from vtagml.backbone import Backbone
from vtagml.compute import Compute
from vtagml.decoders import PerTask, PooledLinear
from vtagml.decoders.conv_decoder import ConvDecoder
from vtagml.encoders import Shared
from vtagml.module import MultitaskModule
from vtagml.tasks import Classification, Depth, Edges, Normals, Segmentation, Task

CLASSES = 3
SIDE = 32


class StridedBackbone(Backbone):
    """Four maps by strided convolutions: all that an encoder asks of a backbone."""

    def __init__(self) -> None:
        super().__init__((4, 4, 4, 4))
        self.stem = nn.Conv2d(3, 4, 4, stride=4)
        self.downs = nn.ModuleList(nn.Conv2d(4, 4, 2, stride=2) for _ in range(3))

    def forward(self, image: Tensor) -> list[Tensor]:
        pyramid = [self.stem(image)]
        for down in self.downs:
            pyramid.append(down(pyramid[-1]))
        return pyramid


def encoder(tasks: Sequence[str]) -> Shared:
    return Shared(tasks, StridedBackbone())


def decoders(outputs: Mapping[str, int], channels: Sequence[int]) -> PerTask:
    return PerTask(outputs, channels, lambda levels, count: ConvDecoder(levels, count, width=16))


def sgd(parameters: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=0.1)


def dense_tasks() -> list[Task]:
    return [Segmentation(CLASSES), Depth(), Normals(), Edges()]


def module(tasks: list[Task] | None = None, **settings: Any) -> MultitaskModule:
    return MultitaskModule(
        dense_tasks() if tasks is None else tasks, encoder, decoders, optimizer=sgd, **settings
    )


def sample(index: int) -> dict[str, Any]:
    random = torch.Generator().manual_seed(index)
    normals = torch.randn(3, SIDE, SIDE, generator=random)
    return {
        "image": torch.rand(3, SIDE, SIDE, generator=random),
        "name": f"sample-{index}",
        "segmentation": torch.randint(0, CLASSES, (SIDE, SIDE), generator=random),
        "depth": 1 + torch.rand(1, SIDE, SIDE, generator=random),
        "normals": normals / normals.norm(dim=0, keepdim=True),
        "edges": torch.rand(1, SIDE, SIDE, generator=random),
    }


def loader(count: int = 4, batch: int = 2) -> DataLoader[Any]:
    return DataLoader([sample(index) for index in range(count)], batch_size=batch)  # type: ignore[arg-type]


def test_fit_logs_every_task_and_metric(tmp_path: Path) -> None:
    run = trainer(tmp_path, limit_val_batches=1.0)
    run.fit(module(), loader(), loader())
    for key in ("val/segmentation/miou", "val/depth/rmse", "val/normals/merr", "val/edges/f1"):
        assert torch.isfinite(run.callback_metrics[key]), key
    assert {f"train/{task.name}/loss" for task in dense_tasks()} <= set(run.callback_metrics)


def test_training_lowers_the_loss(tmp_path: Path) -> None:
    run = trainer(tmp_path, max_epochs=15)
    model = module()
    batch = next(iter(loader(4, 4)))
    before = model.objective(model.network, batch).tasks.sum()
    run.fit(model, loader())
    after = model.objective(model.network, batch).tasks.sum()
    assert after < 0.9 * before


def test_troa_observes_once_per_optimiser_step(tmp_path: Path) -> None:
    model = module(affinity=lambda tasks: TROA(tasks, start=0, every=1))
    trainer(tmp_path, max_epochs=2, accumulate_grad_batches=2).fit(model, loader(8))
    # Two epochs of 8 samples, 2 in a batch, 2 batches in a step: 4 steps.
    assert model.network.affinity.steps == 4
    omega = model.network.affinity.omega
    assert torch.allclose(omega.sum(1), torch.ones(4))
    assert not torch.allclose(omega, torch.full((4, 4), 0.25), atol=1e-3)


def test_losses_weigh_by_affinity_and_fixed_weights(tmp_path: Path) -> None:
    class Lopsided(Affinity):
        def affinities(self) -> Tensor:
            return torch.tensor([[1.0, 0.0], [0.5, 0.5]], dtype=torch.float64)

    tasks = [Depth(weight=2.0), Edges()]
    model = module(tasks, affinity=Lopsided)
    model.trainer = trainer(tmp_path)
    logged: dict[str, Tensor] = {}
    model.log = lambda key, value, **_: logged.update({key: value})  # type: ignore[method-assign, assignment, misc]
    batch = next(iter(loader()))
    depth, edges = model.objective(model.network, batch).tasks
    total = model.training_step(batch, 0)
    # Column sums of ω are 1.5 and 0.5; depth's own weight is 2.
    assert total.item() == pytest.approx((1.5 * 2 * depth + 0.5 * edges).item(), rel=1e-6)
    assert torch.equal(logged["train/loss"], total)
    assert torch.equal(logged["train/depth/loss"], depth)


def test_task_without_a_valid_pixel_has_exact_zero_loss_in_the_graph() -> None:
    model = module()
    batch = next(iter(loader()))
    batch["depth"] = torch.full_like(batch["depth"], torch.nan)
    losses = model.objective(model.network, batch).tasks
    assert losses[1] == 0
    losses.sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


def test_batch_without_a_task_is_named() -> None:
    model = module()
    batch = next(iter(loader()))
    maps = model.network(batch["image"])
    del batch["depth"]
    with pytest.raises(ValueError, match=r"each of the `tasks`.*none of \['depth'\]"):
        model.objective.losses(maps, batch)


def test_two_tasks_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="different names"):
        module([Depth(), Depth()])


def test_checkpoint_of_another_model_is_refused_in_one_message(tmp_path: Path) -> None:
    run = trainer(tmp_path)
    run.fit(module(), loader())
    run.save_checkpoint(tmp_path / "last.ckpt")
    other = module([Segmentation(CLASSES + 1), Depth(), Normals(), Edges()])
    with pytest.raises(ValueError, match="The checkpoint's model is not the config's") as caught:
        trainer(tmp_path, limit_val_batches=1.0).validate(
            other, loader(), ckpt_path=tmp_path / "last.ckpt", weights_only=True
        )
    assert "must have shape" in str(caught.value)


def test_checkpoint_holds_the_affinity(tmp_path: Path) -> None:
    def troa(tasks: Sequence[str]) -> TROA:
        return TROA(tasks, start=0, every=1)

    model = module(affinity=troa)
    run = trainer(tmp_path)
    run.fit(model, loader())
    run.save_checkpoint(tmp_path / "last.ckpt")
    again = module(affinity=troa)
    trainer(tmp_path, limit_val_batches=1.0).validate(
        again, loader(), ckpt_path=tmp_path / "last.ckpt", weights_only=True
    )
    assert torch.equal(again.network.affinity.omega, model.network.affinity.omega)
    assert not torch.equal(model.network.affinity.omega, troa(["a", "b", "c", "d"]).omega)


def test_encoder_rate_scales_only_the_encoder(tmp_path: Path) -> None:
    model = module(encoder_rate=0.1)
    run = trainer(tmp_path)
    run.fit(model, loader())
    groups = {group["name"]: group for group in run.optimizers[0].param_groups}
    assert groups["encoder/matrices"]["initial_lr"] == pytest.approx(0.01)
    assert groups["decoders/matrices"]["initial_lr"] == pytest.approx(0.1)
    assert groups["encoder/vectors"]["weight_decay"] == 0


class WithNewLayer(Shared):
    """An encoder that has something new behind its backbone."""

    def __init__(self, tasks: Sequence[str]) -> None:
        super().__init__(tasks, StridedBackbone())
        self.scale = nn.Parameter(torch.ones(1))


@pytest.mark.parametrize(("given", "rate"), [(None, 0.05), (0.0, 0.0), (0.001, 0.0001)])
def test_backbone_rate_scales_what_was_pre_trained(
    tmp_path: Path, given: float | None, rate: float
) -> None:
    model = MultitaskModule(
        dense_tasks(), WithNewLayer, decoders, optimizer=sgd, encoder_rate=0.5, backbone_rate=given
    )
    run = trainer(tmp_path)
    run.fit(model, loader())
    rates = {
        id(parameter): group["initial_lr"]
        for group in run.optimizers[0].param_groups
        for parameter in group["params"]
    }
    network = model.network
    assert rates.keys() == {id(each) for each in network.parameters() if each.requires_grad}
    of_encoder = network.encoder
    assert rates[id(of_encoder.scale)] == pytest.approx(0.05)
    for parameter in of_encoder.backbone.parameters():
        assert rates[id(parameter)] == pytest.approx(rate)
    for parameter in network.decoders.parameters():
        assert rates[id(parameter)] == pytest.approx(0.1)


def test_the_schedule_goes_on_with_every_step(tmp_path: Path) -> None:
    run = trainer(tmp_path)
    run.fit(module(), loader())
    # Two steps of one epoch: the cosine has come to its end.
    assert [group["lr"] for group in run.optimizers[0].param_groups] == pytest.approx([0.0] * 4)


def test_class_count_that_differs_from_the_data_names_both() -> None:
    class Labels:
        names = ("floor", "wall", "box", "sphere")
        colours = ((0, 0, 0),) * 4

    with pytest.raises(ValueError, match=r"(?s)3.*4"):
        Segmentation(CLASSES).bind({"segmentation": Labels()})


def test_predictions_are_in_the_units_of_the_labels() -> None:
    predictions = module()(torch.rand(2, 3, SIDE, SIDE * 2))
    assert predictions["segmentation"].shape == (2, SIDE, SIDE * 2)
    assert (predictions["depth"] > 0).all()
    assert torch.allclose(predictions["normals"].norm(dim=1), torch.ones(2, SIDE, SIDE * 2))
    assert 0 <= predictions["edges"].min() <= predictions["edges"].max() <= 1


def test_affinities_can_be_given_from_outside() -> None:
    class Conditioned(Shared):
        def forward(self, image: Tensor, omega: Tensor) -> dict[str, list[Tensor]]:
            self.seen = omega
            return super().forward(image, omega)

    tasks = ["a", "b"]
    model = MultitaskModule(
        [Classification(name, 2) for name in tasks],
        lambda names: Conditioned(names, StridedBackbone()),  # type: ignore[arg-type]
        lambda outputs, channels: PerTask(outputs, channels, PooledLinear),
        Identity,
    )
    image = torch.rand(1, 3, SIDE, SIDE)
    model.network(image)
    assert torch.equal(model.network.encoder.seen, torch.eye(2))  # type: ignore[arg-type]
    row = torch.tensor([[0.2, 0.8], [0.5, 0.5]])
    model.network(image, row)
    assert torch.equal(model.network.encoder.seen, row)  # type: ignore[arg-type]


def test_null_of_a_command_line_compiles_nothing() -> None:
    network = torch.nn.Linear(1, 1)
    for word in (None, "null", "None"):
        Compute(compile=word, mode=word).prepare(network)
    assert network._compiled_call_impl is None
    Compute(compile="eager").prepare(network)
    assert network._compiled_call_impl is not None
