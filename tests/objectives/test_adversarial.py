"""The module: the network's and the discriminators' training in one step, and what S sees."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor

from datamodules import Source
from tests.fakes.holes import Holes, holes, sgd
from tests.fakes.trainers import trainer
from tests.objectives.small_adversarial import (
    BATCHES,
    StridedBackbone,
    adversarial,
    dense_tasks,
    domains,
    network_state,
    plain,
)
from vtagml.affinity import Fork, forks
from vtagml.callbacks import SkipFaultySteps
from vtagml.encoders import Shared
from vtagml.module import MultitaskModule
from vtagml.objectives import Adversarial, HeldOut, ObservedAdversarial
from vtagml.tuning import Frozen


def fitted(module: MultitaskModule, folder: Path, **settings: Any) -> MultitaskModule:
    trainer(folder, **settings).fit(module, domains())
    return module


@pytest.fixture(scope="module")
def adapted(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Tensor]:
    """The state that an ordinary run ends with."""
    return fitted(adversarial(), tmp_path_factory.mktemp("adapted")).state_dict()


@pytest.fixture(scope="module")
def unweighted(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Tensor]:
    """The network of a run with λ = 0."""
    module = adversarial(judged={"weight": 0.0})
    return fitted(module, tmp_path_factory.mktemp("unweighted")).network.state_dict()


def network_of(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    prefix = "network."
    return {key.removeprefix(prefix): state[key] for key in state if key.startswith(prefix)}


def assert_same(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert torch.equal(found[key], value), key


def differing(found: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> list[str]:
    return [key for key in other if not torch.equal(found[key], other[key])]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        # The discriminators' gradients are far above the bound: clipped together they would count.
        {"gradient_clip_val": 0.01},
        {"precision": "bf16-mixed", "accumulate_grad_batches": 2},
    ],
    ids=["plainly", "clipped", "bf16, accumulated"],
)
def test_without_weight_the_network_trains_as_without_discriminators(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    expected = fitted(plain(), tmp_path, **settings)
    found = adversarial(judged={"weight": 0.0})
    before = [each.clone() for each in found.objective.parameters()]
    fitted(found, tmp_path, **settings)
    assert_same(found.network.state_dict(), expected.network.state_dict())
    pairs = zip(found.objective.parameters(), before, strict=True)
    assert all(not torch.equal(now, then) for now, then in pairs)


def test_weight_moves_encoder_and_decoders(
    adapted: Mapping[str, Tensor], unweighted: Mapping[str, Tensor]
) -> None:
    moved = differing(network_of(adapted), unweighted)
    for room in ("encoder.backbone.stem", "decoders.decoders.depth"):
        assert any(key.startswith(room) for key in moved), room


def test_weight_begins_with_its_step(unweighted: Mapping[str, Tensor], tmp_path: Path) -> None:
    late = fitted(adversarial(judged={"start": BATCHES}), tmp_path).network.state_dict()
    assert_same(late, unweighted)
    soon = fitted(adversarial(judged={"start": BATCHES - 1}), tmp_path).network.state_dict()
    assert differing(soon, unweighted)


class Seen(Callback):
    """The cosines of each step."""

    def __init__(self) -> None:
        self.cosines: list[Tensor] = []

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        self.cosines.append(pl_module.network.affinity.last_cosines)  # type: ignore[union-attr, arg-type]


def first_cosines(module: MultitaskModule, folder: Path) -> Tensor:
    seen = Seen()
    trainer(folder, callbacks=[seen], max_steps=1).fit(module, domains())
    return seen.cosines[0]


def test_affinity_sees_the_source_alone_unless_it_is_told_to(tmp_path: Path) -> None:
    expected = first_cosines(plain(), tmp_path)
    assert torch.equal(first_cosines(adversarial(), tmp_path), expected)
    watched = first_cosines(adversarial(ObservedAdversarial, {"weight": 100.0}), tmp_path)
    assert not torch.allclose(watched, expected, atol=1e-3)


def target_maps(module: MultitaskModule, image: Tensor) -> Mapping[str, Tensor]:
    assert isinstance(module.objective, Adversarial)
    return module.objective.target_maps(module.network, image)


def test_fork_captures_again_behind_the_targets_pass() -> None:
    module = adversarial()
    (fork,) = forks(module.network)
    target_maps(module, torch.rand(1, 3, 32, 32))
    assert fork.training
    module.eval()
    target_maps(module, torch.rand(1, 3, 32, 32))
    assert not fork.training


def test_targets_gradient_passes_the_fork_unchanged() -> None:
    gradients = []
    for kind in (Adversarial, ObservedAdversarial):
        module = adversarial(kind)
        maps = target_maps(module, torch.rand(1, 3, 32, 32, generator=torch.manual_seed(3)))
        sum(map.square().mean() for map in maps.values()).backward()  # type: ignore[union-attr]
        gradients.append([each.grad for each in module.network.parameters()])
        assert (module.network.take_gram() is None) is (kind is Adversarial)
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)


def test_frozen_backbone_stays_frozen(tmp_path: Path) -> None:
    module = adversarial(encoder=lambda tasks: Shared(tasks, StridedBackbone(), Frozen()))
    before = network_state(module)
    fitted(module, tmp_path)
    changed = differing(module.network.state_dict(), before)
    assert not any(key.startswith("encoder.backbone") for key in changed)
    assert any(key.startswith("decoders") for key in changed)


class Scrambled(Holes):
    """The same images as `Holes`, with random labels."""

    def source(self, split: str) -> Source[int]:
        return Source(super().source(split).records, scrambled)


def scrambled(index: int, tasks: Sequence[str]) -> dict[str, Any]:
    return holes(index + 1000, tasks) | {"image": holes(index, ())["image"]}


def test_targets_labels_do_not_matter(adapted: Mapping[str, Tensor], tmp_path: Path) -> None:
    module = adversarial()
    target = Scrambled(batch_size=4, workers=0, seed=1)
    trainer(tmp_path).fit(module, domains(target))
    assert_same(module.state_dict(), adapted)


class Dark(Holes):
    """Target images without light."""

    def source(self, split: str) -> Source[int]:
        return Source(super().source(split).records, dark)


def dark(index: int, tasks: Sequence[str]) -> dict[str, Any]:
    sample = holes(index, tasks)
    return sample | {"image": np.zeros_like(sample["image"])}


def test_targets_images_do_matter(adapted: Mapping[str, Tensor], tmp_path: Path) -> None:
    module = adversarial()
    trainer(tmp_path).fit(module, domains(Dark(batch_size=4, workers=0, seed=1)))
    assert differing(module.network.state_dict(), network_of(adapted))


def test_logs_the_losses_of_both_sides(tmp_path: Path) -> None:
    run = trainer(tmp_path, log_every_n_steps=1)
    run.fit(adversarial(), domains())
    names = [task.name for task in dense_tasks()]
    both = ("adversarial", "discriminator")
    assert {f"train/{name}/{side}" for name in names for side in both} <= set(run.callback_metrics)


def test_discriminators_have_a_group_of_their_own(tmp_path: Path) -> None:
    module = adversarial(judged={"rate": 3e-4})
    run = trainer(tmp_path)
    run.fit(module, domains())
    groups = {group["name"]: group for group in run.optimizers[0].param_groups}
    own = groups["discriminators"]
    assert own["initial_lr"] == 3e-4
    assert own["betas"] == (0.9, 0.99)
    assert groups["decoders/matrices"]["betas"] == (0.9, 0.999)
    # The schedule is that of all groups.
    assert own["lr"] / 3e-4 == pytest.approx(groups["decoders/matrices"]["lr"] / 0.01)


def test_network_starts_as_that_of_a_plain_module() -> None:
    assert_same(adversarial().network.state_dict(), plain().network.state_dict())


def test_optimizer_without_betas_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError,
        match=r"`optimizer` must take \['betas'\], .* found SGD: take one of Adam's family",
    ):
        fitted(adversarial(optimizer=sgd), tmp_path)


def test_batch_without_a_target_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"`target` must be in every training batch.*Adaptation"):
        trainer(tmp_path).fit(adversarial(), Holes(batch_size=4, workers=0))


class Faulty(Adversarial):
    """Discriminators whose loss is not finite."""

    def adversaries(
        self, source: Mapping[str, Tensor], target: Mapping[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        fooling, telling = super().adversaries(source, target)
        return fooling * torch.nan, telling


@pytest.mark.filterwarnings("ignore:.*sync_dist")
def test_faulty_adversarial_step_is_left_out_of_both(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    torch.manual_seed(0)
    module = adversarial()
    module.objective.__class__ = Faulty
    before = {key: value.clone() for key, value in module.state_dict().items()}
    trainer(tmp_path, callbacks=[SkipFaultySteps(patience=100)]).fit(module, domains())
    assert_same(module.state_dict(), before)
    # It is the objective's term that fails, not their losses; the tasks are named all the same.
    assert "the loss of depth, edges, normals, segmentation is not finite" in caplog.text


@pytest.mark.parametrize(("algorithm", "order"), [("norm", 2.0), ("value", torch.inf)])
def test_clipping_bounds_each_side_by_its_own_norm(
    algorithm: str, order: float, tmp_path: Path
) -> None:
    norms: list[list[float]] = []

    class Clipped(MultitaskModule):
        def configure_gradient_clipping(self, *arguments: Any, **named: Any) -> None:
            super().configure_gradient_clipping(*arguments, **named)
            sides = (self.network, self.objective)
            norms.append(
                [
                    torch.nn.utils.get_total_norm(
                        [each.grad for each in side.parameters() if each.grad is not None], order
                    ).item()
                    for side in sides
                ]
            )

    module = adversarial()
    module.__class__ = Clipped
    clipping = {"gradient_clip_val": 1e-3, "gradient_clip_algorithm": algorithm}
    fitted(module, tmp_path, max_steps=1, **clipping)
    assert norms[0] == pytest.approx([1e-3, 1e-3], rel=1e-2)


def test_fork_is_the_only_thing_in_eval_mode_during_the_targets_pass() -> None:
    module = adversarial()
    modes: dict[str, bool] = {}
    hook = module.network.decoders.register_forward_hook(
        lambda *_: modes.update({name: each.training for name, each in module.named_modules()})
    )
    target_maps(module, torch.rand(1, 3, 32, 32))
    hook.remove()
    kinds = dict(module.named_modules())
    off = [name for name, training in modes.items() if not training]
    assert [type(kinds[name]) for name in off] == [Fork]


def test_it_goes_with_held_out_tasks() -> None:
    module = adversarial(judged={"base": lambda tasks: HeldOut(tasks, ["depth"])})
    data = domains()
    data.setup("fit")
    batch = data.on_after_batch_transfer(next(iter(data.train_dataloader())), 0)
    batch["depth"] = torch.full_like(batch["depth"], torch.inf)  # not to be looked at
    found = module.objective(module.network, batch)
    place = [task.name for task in dense_tasks()].index("depth")
    assert module.objective.taught == ["segmentation", "normals", "edges"]
    assert found.tasks[place] == 0
    assert found.tasks.isfinite().all()
    assert found.terms["adversarial"].value[place] > 0
    depth = module.network.decoders.decoders["depth"]
    assert not any(each.requires_grad for each in depth.parameters())
