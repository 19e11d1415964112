import json
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, Trainer
from torch import Tensor, nn

from tests.fakes.backbones import TinySwinV2
from tests.fakes.bits import assert_equal
from tests.fakes.holes import Holes, sgd, small_vtagml
from tests.fakes.trainers import trainer
from vtagml.affinity import Uniform
from vtagml.callbacks import GradientConflicts
from vtagml.callbacks.gradient_conflicts import BINS, conflict_shares, cosine_counts
from vtagml.decoders import ConvDecoder, PerTask
from vtagml.encoders import Separate
from vtagml.module import MultitaskModule
from vtagml.tasks import Depth, Edges


def test_bins_from_minus_one_to_one() -> None:
    counts = cosine_counts(torch.tensor([[1.0, -1.0], [0.0, torch.nan]]))
    assert counts[0, 0].argmax() == BINS - 1
    assert counts[0, 1].argmax() == 0
    assert counts[1, 0].argmax() == BINS // 2  # Zero is no conflict.
    assert counts[1, 1].sum() == 0
    assert counts.sum() == 3


def test_the_smallest_conflict_is_one() -> None:
    counts = cosine_counts(torch.tensor([[1.0, -1e-30], [-1e-30, 1.0]], dtype=torch.float64))
    assert conflict_shares(counts, ("a", "b")) == {"a/b": 1.0}


def test_shares_of_what_was_observed() -> None:
    steps = [0.5, -0.5, -0.1, torch.nan]
    pairs = [torch.tensor([[1.0, cosine], [cosine, 1.0]]) for cosine in steps]
    counts = torch.stack([cosine_counts(pair) for pair in pairs]).sum(0)
    assert conflict_shares(counts, ("a", "b")) == {"a/b": pytest.approx(2 / 3)}
    assert conflict_shares(cosine_counts(pairs[-1]), ("a", "b")) == {}


def test_single_steps_are_preferred_to_their_mean(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    callback, trainer = GradientConflicts(every=100), toy.trainer(tmp_path, [])
    module = toy.Module()
    for step in (1, 1, 2):  # Two micro-batches of the first step.
        module.network.affinity.last_cosines = torch.tensor([[1.0, -0.2], [-0.2, 1.0]])
        monkeypatch.setattr(Trainer, "global_step", property(lambda self, step=step: step))
        callback.on_train_batch_end(trainer, module, None, {}, 0)
    assert callback.counts["fork"][0, 1].sum() == 2
    assert conflict_shares(callback.counts["fork"], ("a", "b")) == {"a/b": 1.0}


def test_what_was_counted_survives_a_checkpoint() -> None:
    first, second = GradientConflicts(), GradientConflicts()
    first.counts = {"shared": cosine_counts(torch.eye(2))}
    first.history = [{"step": 0, "shared": [0.5]}]
    first._measured, first._last_step = 50, 51
    second.load_state_dict(first.state_dict())
    assert second.state_dict() == first.state_dict()
    assert torch.equal(second.counts["shared"], first.counts["shared"])


class Dropping(nn.Module):
    """Whose random numbers would be others if anybody drew some in between."""

    def __init__(self, decoder: nn.Module) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, pyramid: Any, size: Any) -> Tensor:
        return torch.dropout(self.decoder(pyramid, size), 0.25, train=True)


def fitted(folder: Path, callbacks: list[Callback], **settings: Any) -> dict[str, Any]:
    """All that a training leaves of its model, optimiser and random numbers."""
    model = small_vtagml()
    decoders = model.network.decoders.decoders  # type: ignore[union-attr]
    decoders["depth"] = Dropping(decoders["depth"])  # type: ignore[index, operator]
    run = trainer(folder, callbacks=callbacks, **settings)
    run.fit(model, Holes(batch_size=2, workers=0))
    return {
        "model": model.state_dict(),
        "optimizer": run.optimizers[0].state_dict(),
        "random": torch.get_rng_state(),
    }


@pytest.mark.filterwarnings("ignore:.*does not have many workers")
@pytest.mark.parametrize(
    "settings",
    [
        {"accumulate_grad_batches": 2},
        *(pytest.param(own, marks=pytest.mark.slow) for own in ({}, {"precision": "bf16-mixed"})),
    ],
)
def test_training_is_the_same_to_the_bit(tmp_path: Path, settings: dict[str, Any]) -> None:
    without = fitted(tmp_path, [], **settings)
    conflicts = GradientConflicts(every=1)
    assert_equal(fitted(tmp_path, [conflicts], **settings), without)
    # Once per optimiser step, however many batches it has.
    steps = 6 // settings.get("accumulate_grad_batches", 1)
    assert [own["step"] for own in conflicts.history] == list(range(steps))
    assert all(len(own["shared"]) == len(own["fork"]) == 6 for own in conflicts.history)


@pytest.mark.filterwarnings("ignore:.*does not have many workers")
def test_file_and_figures_of_a_run(tmp_path: Path) -> None:
    fitted(tmp_path, [GradientConflicts(every=2)])
    content = json.loads((tmp_path / "conflicts.json").read_text())
    assert content["pairs"][:2] == [["segmentation", "depth"], ["segmentation", "normals"]]
    assert [own["step"] for own in content["history"]] == [0, 2, 4]
    for place, steps in (("shared", 3), ("fork", 6)):  # a fork is looked at in every step
        found = content["places"][place]
        for below, counts in zip(found["below_zero"], found["counts"], strict=True):
            assert sum(counts) <= steps
            assert below is None or below == sum(counts[: BINS // 2]) / sum(counts)
        assert max(map(sum, found["counts"])) == steps
    negative = [own["shared"][0] < 0 for own in content["history"]]
    assert content["places"]["shared"]["below_zero"][0] == sum(negative) / 3
    for name in ("gradient_conflicts", "gradient_conflicts_shared", "gradient_conflicts_course"):
        assert (tmp_path / "figures" / f"{name}.png").is_file()


@pytest.mark.filterwarnings("ignore:.*does not have many workers")
def test_tasks_that_share_nothing_are_said(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = MultitaskModule(
        [Depth(), Edges()],
        lambda tasks: Separate(tasks, TinySwinV2((32, 32))),
        lambda outputs, channels: PerTask(outputs, channels, ConvDecoder),
        Uniform,
        optimizer=sgd,
    )
    run = trainer(tmp_path, callbacks=[GradientConflicts()], limit_train_batches=1)
    with pytest.warns(UserWarning, match="nothing to count: the tasks of Separate and PerTask"):
        run.fit(model, Holes(batch_size=2, workers=0))
    assert not (tmp_path / "conflicts.json").exists()


def test_a_step_that_nothing_was_observed_in_is_not_counted_again(toy: Any, tmp_path: Path) -> None:
    callback, module = GradientConflicts(), toy.Module()
    module.network.affinity.last_cosines = torch.eye(2)
    assert callback._cosines(module.network.affinity.last_cosines).keys() == {"fork"}
    assert callback._cosines(module.network.affinity.last_cosines) == {}


@pytest.mark.parametrize("every", [0, -3])
def test_every_is_validated(every: int) -> None:
    with pytest.raises(ValueError, match="every"):
        GradientConflicts(every=every)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*does not have many workers")
def test_two_processes_measure_what_one_measures_of_the_whole_batch(tmp_path: Path) -> None:
    def course(ranks: int) -> list[dict[str, Any]]:
        folder = tmp_path / str(ranks)
        callbacks = [GradientConflicts(every=1)]
        run = trainer(folder, ranks, callbacks=callbacks, precision="64-true")
        run.fit(small_vtagml().double(), Holes(batch_size=4 // ranks, workers=0))
        return json.loads((folder / "conflicts.json").read_text())["history"]

    alone, together = course(1), course(2)
    assert [own["step"] for own in together] == [own["step"] for own in alone] == [0, 1, 2]
    for one, other in zip(together, alone, strict=True):
        for place in ("shared", "fork"):
            assert one[place] == pytest.approx(other[place], rel=1e-8)
