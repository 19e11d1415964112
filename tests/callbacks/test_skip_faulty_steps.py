"""A step that is not finite changes nothing, on any rank, and is named."""

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.plugins import MixedPrecision
from torch import Tensor

from tests.fakes.holes import Holes, small_vtagml
from tests.fakes.ranks import Ranks
from tests.fakes.trainers import trainer
from vtagml.callbacks import FaultyTrainingError, SkipFaultySteps
from vtagml.module import MultitaskModule
from vtagml.tasks import Depth


class Poisoned(Depth):
    """A loss that is not finite for the depth of some calls, counted from zero."""

    def __init__(self, poison: float, calls: set[int], first_rank_only: bool = False) -> None:
        super().__init__()
        self.poison, self.calls, self.first_rank_only = poison, calls, first_rank_only
        self.call = -1

    def loss(self, map: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        self.call += 1
        total, count = super().loss(map, target)
        spared = self.first_rank_only and torch.distributed.get_rank() > 0
        if self.call in self.calls and not spared:
            # The infinite loss has a finite gradient.
            total = total * torch.nan if self.poison != self.poison else total + self.poison
        return total, count


class States(Callback):
    """Parameters, moments, S and ω behind each step."""

    def __init__(self) -> None:
        self.states: list[dict[str, Tensor]] = []

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        found = {key: value.clone() for key, value in pl_module.state_dict().items()}
        for index, moments in trainer.optimizers[0].state_dict()["state"].items():
            found |= {f"moment {index} {key}": value.clone() for key, value in moments.items()}
        self.states.append(found)


def adam(parameters: Any) -> torch.optim.Optimizer:
    return torch.optim.AdamW(parameters, lr=0.01)


def poisoned(*settings: Any) -> MultitaskModule:
    model = small_vtagml()
    model.optimizer = adam
    model.tasks["depth"] = Poisoned(*settings)
    return model


def fit(
    model: MultitaskModule,
    folder: Path,
    *callbacks: Callback,
    ckpt_path: Path | None = None,
    max_epochs: int = 1,
    **settings: Any,
) -> Trainer:
    run = trainer(folder, callbacks=[*callbacks], max_epochs=max_epochs, **settings)
    data = Holes(batch_size=2, workers=0)
    run.fit(model, data, ckpt_path=ckpt_path, weights_only=True)
    return run


def changed(before: dict[str, Tensor], after: dict[str, Tensor]) -> list[str]:
    return [key for key in after if key not in before or not torch.equal(before[key], after[key])]


@pytest.mark.parametrize("poison", [torch.nan, torch.inf])
def test_a_faulty_step_changes_nothing(
    poison: float, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    states, skip = States(), SkipFaultySteps()
    with caplog.at_level(logging.WARNING):
        run = fit(poisoned(poison, {2}), tmp_path, skip, states)
    steps = [changed(*pair) for pair in zip(states.states, states.states[1:], strict=False)]
    # Steps 1, 2, 3, …: the second, whose loss is the poisoned one, is the one without a change.
    assert steps[1] == []
    assert all(any("adapters" in key for key in each) for each in (steps[0], *steps[2:]))
    assert all(any("log_weights" in key for key in each) for each in (steps[0], *steps[2:]))
    assert all(value.isfinite().all() for value in states.states[-1].values())
    assert (skip.faulty, skip.in_a_row) == (1, 0)
    assert run.callback_metrics["train/faulty_steps"] == 1
    (warning,) = [each.getMessage() for each in caplog.records if "left out" in each.getMessage()]
    assert "depth" in warning
    assert "segmentation" not in warning
    assert "sample-" in warning


def test_accumulated_micro_batches_are_left_out_together(tmp_path: Path) -> None:
    states = States()
    fit(poisoned(torch.nan, {3}), tmp_path, SkipFaultySteps(), states, accumulate_grad_batches=2)
    # Micro-batches 2 and 3 make the second step; only the accumulated gradient differs meanwhile.
    assert changed(states.states[1], states.states[3]) == []
    assert changed(states.states[3], states.states[5]) != []


def test_too_many_in_a_row_stop_with_the_last_good_step(tmp_path: Path) -> None:
    states = States()
    model = poisoned(torch.nan, {1, 3, 4, 5})
    with pytest.raises(FaultyTrainingError, match="3 steps in a row") as stopped:
        fit(model, tmp_path, SkipFaultySteps(patience=3), states)
    path = tmp_path / "checkpoints" / "faulty.ckpt"
    assert str(path) in str(stopped.value)
    kept = torch.load(path, weights_only=True)
    assert changed(states.states[2], kept["state_dict"]) == []
    # As many batches as were read: a run goes on from it with the next one.
    assert kept["loops"]["fit_loop"]["epoch_loop.batch_progress"]["current"]["processed"] == 6
    assert kept["global_step"] == 6


def test_a_run_goes_on_from_its_last_good_step(tmp_path: Path) -> None:
    accumulated = {"accumulate_grad_batches": 2}
    with pytest.raises(FaultyTrainingError):
        fit(poisoned(torch.nan, {0, 2}), tmp_path, SkipFaultySteps(patience=2), **accumulated)
    skip = SkipFaultySteps(patience=2)
    faulty = tmp_path / "checkpoints" / "faulty.ckpt"
    run = fit(
        poisoned(torch.nan, set()), tmp_path, skip, ckpt_path=faulty, max_epochs=2, **accumulated
    )
    assert run.current_epoch == 2
    assert (skip.faulty, skip.in_a_row) == (2, 0)


@pytest.mark.slow
def test_a_fault_on_one_rank_is_left_out_on_all(tmp_path: Path) -> None:
    def trained(calls: set[int], steps: int) -> dict[str, Tensor]:
        model = poisoned(torch.inf, calls, True)
        skip = SkipFaultySteps()
        fit(model, tmp_path, skip, ranks=2, max_steps=steps)
        return {key: value for key, value in model.state_dict().items() if "running" not in key}

    # The schedule knows three steps in both, so that the first has the same learning rate.
    faulty_second, one_step = trained({1, 2}, 3), trained({1, 2, 3, 4, 5}, 3)
    assert all(value.isfinite().all() for value in faulty_second.values())
    assert changed(one_step, faulty_second) == []
    assert changed(dict(small_vtagml().state_dict()), one_step) != []


# The schedule goes on, as with every step that is left out, and torch takes it for a mistake.
@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step:UserWarning")
@pytest.mark.parametrize("fused", [False, True])
def test_too_large_a_scale_is_no_fault_and_comes_down(fused: bool, tmp_path: Path) -> None:
    model, states, skip = small_vtagml(), States(), SkipFaultySteps(patience=1)
    model.optimizer = lambda parameters: torch.optim.AdamW(parameters, lr=0.01, fused=fused)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**40, backoff_factor=2.0**-30)
    plugin = MixedPrecision("16-mixed", "cpu", scaler)
    fit(model, tmp_path, skip, states, plugins=plugin, max_steps=2)
    assert scaler.get_scale() == 2.0**10
    assert changed(before, states.states[0]) == []
    assert any("adapters" in key for key in changed(states.states[0], states.states[1]))
    assert skip.faulty == 0


def test_under_a_loss_scale_ranks_count_the_same_faults() -> None:
    def counted(rank: int) -> tuple[int, int]:
        model, skip = small_vtagml(), SkipFaultySteps()
        model.last_losses = torch.full((len(model.tasks),), torch.nan if rank else 1.0)
        model.log = lambda *_, **__: None  # type: ignore[method-assign, assignment]
        optimizer = adam(model.parameters())
        scaler = torch.amp.GradScaler("cpu")
        trainer = Trainer(
            plugins=MixedPrecision("16-mixed", "cpu", scaler), accelerator="cpu", logger=False
        )
        for parameter in model.parameters():
            parameter.grad = torch.full_like(parameter, torch.nan)  # averaged over the ranks
        skip.on_before_backward(trainer, model, torch.tensor(0.0))
        skip.on_before_optimizer_step(trainer, model, optimizer)
        return skip.faulty, skip.in_a_row

    assert Ranks(2).run(counted) == [(1, 1), (1, 1)]
