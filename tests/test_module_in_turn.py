"""Steps with the tasks' branches in turn are the ordinary ones: losses, gradients, Gram, faults."""

import copy
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning import Trainer
from torch import Tensor

from tests.fakes.backbones import TinySwinV2, awake
from tests.fakes.holes import CLASSES, SIDE, Holes, small_vtagml
from tests.fakes.ranks import Ranks
from tests.fakes.trainers import trainer
from tests.test_module_ranks import batch
from vtagml.affinity import Gram
from vtagml.callbacks import SkipFaultySteps
from vtagml.compute import Compute
from vtagml.decoders import ConvDecoder, FineLevels, PerTask, SwinDecoder, in_turn, together
from vtagml.decoders import Shared as SharedTrunk
from vtagml.decoders.branches import Run
from vtagml.encoders import VTAGML, Shared
from vtagml.module import MultitaskModule
from vtagml.objectives import HeldOut, MixedMean, QualityRetaining, Uncertainty
from vtagml.step_counts import STEP
from vtagml.tasks import Depth, Edges, Normals, Segmentation
from vtagml.tuning import Full

conv = partial(ConvDecoder, width=16)
WEIGHTS = (0.7, 2.0, 0.05, 1.3)
IMAGES = 4

Step = tuple[Tensor, dict[str, Tensor], Gram | None]


def runs(model: MultitaskModule) -> list[Run]:
    return [each.run for each in model.network.decoders.modules() if hasattr(each, "run")]  # type: ignore[misc]


def ordinary(model: MultitaskModule) -> MultitaskModule:
    """A copy whose branches run together."""
    other = copy.deepcopy(model)
    Compute(in_turn=False).prepare(other.network)
    assert set(runs(other)) == {together}
    assert set(runs(model)) == {in_turn}
    return other


def step(model: MultitaskModule, *batches: Mapping[str, Any]) -> Step:
    """The loss of a step of some batches, its gradients and its Gram."""
    model.train().log = lambda *_, **__: None  # type: ignore[method-assign, assignment]
    model.zero_grad()
    total = torch.zeros(())
    for each in batches:
        loss = model.training_step(dict(each), 0) / len(batches)
        loss.backward()
        total = total + loss.detach()
    named = model.named_parameters()
    gradients = {name: each.grad for name, each in named if each.grad is not None}
    return total, gradients, model.network.take_gram()


def assert_equal(found: Step, expected: Step) -> None:
    close: dict[str, Any] = {"rtol": 1e-10, "atol": 1e-13}
    torch.testing.assert_close(found[0], expected[0], **close)
    assert found[1].keys() == expected[1].keys() != set()
    for name, gradient in expected[1].items():
        torch.testing.assert_close(found[1][name], gradient, msg=name, **close)
    if expected[2] is None:
        assert found[2] is None
    else:
        assert found[2] is not None
        torch.testing.assert_close(found[2].dots, expected[2].dots, rtol=1e-10, atol=1e-20)


def weighted() -> list[Any]:
    kinds = (partial(Segmentation, CLASSES), Depth, Normals, Edges)
    return [kind(weight=weight) for kind, weight in zip(kinds, WEIGHTS, strict=True)]


def model_of(encoder: Any = VTAGML, decoder: Any = conv, **settings: Any) -> MultitaskModule:
    torch.manual_seed(0)
    given = {"decoders": lambda outputs, channels: PerTask(outputs, channels, decoder)} | settings
    return MultitaskModule(
        weighted(), lambda tasks: encoder(tasks, awake(TinySwinV2((SIDE, SIDE)))), **given
    ).double()


def fine_levels(outputs: Any, channels: Any) -> FineLevels:
    def inner(outputs: Any, channels: Any) -> PerTask:
        return PerTask(outputs, channels, conv)

    return FineLevels(outputs, channels, inner, width=16)


@pytest.mark.parametrize(
    "make",
    [
        model_of,
        partial(model_of, partial(VTAGML, checkpointing=True)),
        partial(model_of, decoder=partial(SwinDecoder, window=2, depth=1)),
        partial(model_of, partial(Shared, tuning=Full())),
        partial(model_of, decoders=fine_levels),
        partial(model_of, decoders=lambda o, c: SharedTrunk(o, c, conv)),
        partial(model_of, objective=partial(HeldOut, held_out=["depth"])),
        partial(model_of, objective=MixedMean),
        partial(model_of, objective=Uncertainty),
        partial(model_of, objective=QualityRetaining),
    ],
    ids=[
        "conv", "checkpointing", "swin", "full", "fine_levels", "shared_trunk",
        "held_out", "mixed_mean", "uncertainty", "quality_retaining",
    ],
)  # fmt: skip
def test_step_is_the_ordinary_one(make: Callable[[], MultitaskModule]) -> None:
    model = make()
    # The first image knows no depth, and all know other shares of their pixels.
    given = batch(range(IMAGES), model)
    expected = step(ordinary(model), given)
    assert expected[2] is not None
    assert_equal(step(model, given), expected)


def test_task_without_labels_in_the_batch() -> None:
    model = model_of()
    given = batch(range(IMAGES), model)
    given["normals"] = torch.full_like(given["normals"], torch.nan)
    expected = step(ordinary(model), given)
    found = step(model, given)
    assert_equal(found, expected)
    assert model.last_losses[2] == 0
    assert not found[1]["network.decoders.decoders.normals.head.weight"].any()


def test_accumulated_batches_of_one_and_three_are_one_of_four() -> None:
    model = model_of()
    one, three, four = (batch(each, model) for each in (range(1), range(1, 4), range(4)))
    for each in (one, three):
        each[STEP] = {"counts": model.objective.counts(four), "batches": 2, "scale": 1.0}
    counts = [model.objective.counts(each) for each in (one, three)]
    unequal = [3 * first != other for first, other in zip(*counts, strict=True)]
    assert unequal == [True, True, True, False]  # edges are known everywhere
    assert_equal(step(model, one, three), step(ordinary(model), four))


def test_the_mean_of_two_ranks_is_the_ordinary_step() -> None:
    alone = ordinary(model_of())
    models = [model_of() for _ in range(2)]
    expected = step(alone, batch(range(IMAGES), alone))
    halves = [batch(range(2), alone), batch(range(2, IMAGES), alone)]
    found = Ranks(2).run(lambda rank: step(models[rank], halves[rank]))
    for name, gradient in expected[1].items():
        mean = torch.stack([gradients[name] for _, gradients, _ in found]).mean(0)
        torch.testing.assert_close(mean, gradient, rtol=1e-9, atol=1e-13, msg=name)


class Faulty(Edges):
    """Its loss is not a number."""

    def loss(self, map: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        sum, count = super().loss(map, target)
        return sum * torch.nan, count


def test_a_loss_that_is_not_finite_is_found_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model, skips = small_vtagml(), SkipFaultySteps()
    model.objective.tasks = {**model.tasks, "edges": Faulty()}
    before = copy.deepcopy(model.state_dict())
    trainer(tmp_path, max_steps=1, callbacks=[skips]).fit(model, Holes(batch_size=2, workers=0))
    assert set(runs(model)) == {in_turn}
    assert skips.faulty == 1
    assert "the loss of edges is not finite" in caplog.text
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key]), key


def test_half_precision_gives_the_same_bits_where_weights_are_powers_of_two() -> None:
    model = model_of().float()
    for task, weight in zip(model.tasks.values(), (1.0, 2.0, 0.5, 1.0), strict=True):
        task.weight = weight
    other = ordinary(model)
    given = {
        key: each.float() if isinstance(each, Tensor) and each.is_floating_point() else each
        for key, each in batch(range(IMAGES), model).items()
    }

    def mixed(own: MultitaskModule) -> dict[str, Tensor]:
        with torch.autocast("cpu", torch.bfloat16):
            loss = own.training_step(given, 0)
        loss.backward()
        named = own.network.decoders.named_parameters()
        return {name: each.grad for name, each in named if each.grad is not None}

    for each in (model, other):
        each.train().log = lambda *_, **__: None  # type: ignore[method-assign, assignment]
    expected, found = mixed(other), mixed(model)
    assert expected.keys() == found.keys() != set()
    for name, gradient in expected.items():
        assert torch.equal(found[name], gradient), name


def test_branches_know_by_how_much_16_bit_precision_multiplies_their_losses() -> None:
    model, scales = model_of(), []
    trainer = Trainer(logger=False, enable_checkpointing=False, accelerator="cpu", devices=1)
    trainer.precision_plugin.scaler = SimpleNamespace(get_scale=lambda: 1024.0)  # type: ignore[attr-defined]
    model.trainer = trainer

    def noted(branch: Any, pyramid: Any, parameters: Any, scale: float) -> Tensor:
        scales.append(scale)
        return in_turn(branch, pyramid, parameters, scale)

    model.network.decoders.run = noted
    step(model, batch(range(1), model))
    assert scales == [1024.0] * len(WEIGHTS)


def test_it_is_a_setting() -> None:
    assert set(runs(model_of())) == {in_turn}
    assert set(runs(model_of(compute=Compute(in_turn=False)))) == {together}
    assert set(runs(model_of(decoders=fine_levels))) == {in_turn}
