"""A run that is stopped anywhere and resumed is the run that was not."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer, seed_everything
from lightning.pytorch.callbacks import EarlyStopping

from datamodules.loader import Loader, OrderedSampler, ShuffledSampler
from datamodules.samples import Samples, Source
from tests.fakes.bits import assert_equal, last_state
from tests.fakes.killed import Killed
from tests.fakes.trainers import trainer
from vtagml.checkpoints import AtomicCheckpointIO, RunCheckpoint

BATCHES, VALIDATED = 5, 5

SETTINGS: dict[str, dict[str, Any]] = {
    "steps": {"max_steps": 12, "max_epochs": -1, "check_val_every_n_epoch": 2},
    "steps of whole epochs": {"max_steps": 10, "max_epochs": -1},
    "epochs": {"max_epochs": 3},
    "accumulated": {"max_epochs": 3, "accumulate_grad_batches": 2},
    "accumulated steps": {"max_steps": 7, "max_epochs": -1, "accumulate_grad_batches": 3},
    "validated within epochs": {"max_epochs": 3, "val_check_interval": 2},
    "validated across epochs": {
        "max_steps": 12,
        "max_epochs": -1,
        "val_check_interval": 3,
        "check_val_every_n_epoch": None,
    },
}


class Stop(Callback):
    """Does something once, when a step begins or a batch of a validation ends."""

    def __init__(self, do: Callable[[], None], step: int = -1, validation: int = -1) -> None:
        self.do, self.step, self.validation = do, step, validation
        self.done = False

    def on_train_batch_start(self, trainer: Trainer, *_: object) -> None:
        if trainer.global_step >= self.step >= 0 and not self.done:
            self.done = True
            self.do()

    def on_validation_batch_end(self, trainer: Trainer, *arguments: Any) -> None:
        if trainer.global_step == self.validation and arguments[3] == 1:
            self.do()


class Small(LightningModule):
    """Dropout draws from torch's generator, validation counts what it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(3, 2)
        self.seen: list[tuple[int, int, tuple[str, ...]]] = []
        self.validations: list[tuple[int, int]] = []
        self._samples = 0

    def training_step(self, batch: dict, index: int) -> torch.Tensor:
        self.seen.append((self.current_epoch, index, tuple(batch["name"])))
        values = self.layer(batch["image"].flatten(1))
        return torch.nn.functional.dropout(values, 0.3).square().sum()

    def on_validation_start(self) -> None:
        self._samples = 0

    def validation_step(self, batch: dict, index: int) -> None:
        self._samples += len(batch["name"])

    def on_validation_epoch_end(self) -> None:
        if not self.trainer.sanity_checking:
            self.validations.append((self.global_step, self._samples))
        self.log("val/score", self.layer.weight.detach().abs().sum())

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.AdamW(self.parameters(), 1e-2)
        schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 0.1, 1, 20)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }


def read(record: int, tasks: object) -> dict[str, Any]:
    image = np.random.default_rng(record).random((1, 1, 3), np.float32)
    return {"image": image, "name": str(record)}


def loader(shuffled: bool, count: int) -> Loader:
    samples = Samples(Source(range(count), read, checked=True), [], {})
    sampler = ShuffledSampler(samples, 5) if shuffled else OrderedSampler(samples)
    return Loader(
        samples, batch_size=2, sampler=sampler, drop_last=shuffled, generator=torch.Generator()
    )


def run(
    folder: Path,
    settings: dict[str, Any],
    *callbacks: Callback,
    module: Small | None = None,
    resume: bool = False,
    **when: Any,
) -> tuple[Small, Trainer]:
    seed_everything(
        7 if resume else 0, verbose=False
    )  # a new process does not start where the old one stopped
    module = module or Small()
    fitting = trainer(
        folder,
        plugins=[AtomicCheckpointIO()],
        callbacks=[*callbacks, RunCheckpoint(str(folder), **when)],
        **{"limit_val_batches": 1.0, "num_sanity_val_steps": 2} | settings,
    )
    with suppress(Killed, SystemExit):
        fitting.fit(
            module,
            loader(True, 2 * BATCHES),
            loader(False, VALIDATED),
            ckpt_path=folder / "last.ckpt" if resume else None,
        )
    return module, fitting


def kill() -> None:
    raise Killed


Whole = Callable[..., tuple[Small, dict[str, Any]]]


@pytest.fixture(scope="module")
def whole_of(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """The run that is not stopped, and its state at the end, by the name of its settings."""

    @cache
    def whole(name: str, every: int | None = None) -> tuple[Small, dict[str, Any]]:
        folder = tmp_path_factory.mktemp("whole")
        module, _ = run(folder, SETTINGS[name], every_n_train_steps=every)
        return module, last_state(folder)

    return whole


@pytest.mark.parametrize("name", SETTINGS)
def test_killed_after_every_single_step(name: str, whole_of: Whole, tmp_path: Path) -> None:
    settings, (whole, expected) = SETTINGS[name], whole_of(name, 1)
    steps = expected["global_step"]
    folder = tmp_path / "killed"
    seen, validations = [], []
    for step in range(1, steps + 1):
        stop = Stop(kill, step)
        module, _ = run(folder, settings, stop, resume=step > 1, every_n_train_steps=1)
        seen += module.seen
        validations += module.validations
        assert torch.load(folder / "last.ckpt", weights_only=True)["global_step"] == step
    assert seen == whole.seen
    assert validations == whole.validations
    assert_equal(last_state(folder), expected)


def test_killed_between_checkpoints(whole_of: Whole, tmp_path: Path) -> None:
    settings, (_, expected) = SETTINGS["steps"], whole_of("steps", 3)
    run(tmp_path, settings, Stop(kill, 5), every_n_train_steps=3)
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"] == 3
    run(tmp_path, settings, resume=True, every_n_train_steps=3)
    assert_equal(last_state(tmp_path), expected)


def test_resumed_run_saves_no_half_accumulated_step(tmp_path: Path) -> None:
    settings = SETTINGS["accumulated"]
    run(tmp_path, settings, Stop(kill, 1), every_n_train_steps=1)
    before = (tmp_path / "last.ckpt").stat().st_mtime_ns

    class KillInTheMiddle(Callback):
        def on_train_batch_start(self, trainer: Trainer, *arguments: Any) -> None:
            if arguments[2] == 3:  # the second micro-batch of the second step
                kill()

    run(tmp_path, settings, KillInTheMiddle(), resume=True, every_n_train_steps=1)
    assert (tmp_path / "last.ckpt").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("name", "number"),
    [*((name, signal.SIGTERM) for name in SETTINGS), ("accumulated", signal.SIGINT)],
)
def test_stopped_by_a_signal_in_a_step(
    name: str,
    number: signal.Signals,
    whole_of: Whole,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    settings, (whole, expected) = SETTINGS[name], whole_of(name)
    step = whole.validations[0][0] - 1  # the step that a validation follows
    before = signal.getsignal(number)
    first, _ = run(tmp_path, settings, Stop(lambda: os.kill(os.getpid(), number), step))
    assert signal.getsignal(number) is before
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"] == step + 1
    assert f"after step {step + 1}. `{tmp_path}/last.ckpt` has it all" in capfd.readouterr().err
    second, _ = run(tmp_path, settings, resume=True)
    assert first.seen + second.seen == whole.seen
    assert first.validations + second.validations == whole.validations
    assert_equal(last_state(tmp_path), expected)


@pytest.mark.parametrize("which", [0, -1], ids=["first", "last"])
@pytest.mark.parametrize("name", SETTINGS)
def test_stopped_by_a_signal_in_a_validation(
    name: str, which: int, whole_of: Whole, tmp_path: Path
) -> None:
    settings, (whole, expected) = SETTINGS[name], whole_of(name)
    during = whole.validations[which][0]
    first, _ = run(
        tmp_path, settings, Stop(lambda: os.kill(os.getpid(), signal.SIGTERM), validation=during)
    )
    second, _ = run(tmp_path, settings, resume=True)
    assert first.seen + second.seen == whole.seen
    # Where the validation falls between two micro-batches it is finished before the stop.
    assert first.validations + second.validations == whole.validations
    assert all(count == VALIDATED for _, count in second.validations)
    assert_equal(last_state(tmp_path), expected)


@pytest.mark.parametrize("which", [0, -1], ids=["first", "last"])
@pytest.mark.parametrize("today", [{"val_check_interval": 100}, {"limit_val_batches": 0}], ids=str)
def test_no_step_is_added_where_the_validation_is_no_longer_wanted(
    today: dict[str, Any], which: int, whole_of: Whole, tmp_path: Path
) -> None:
    name = "validated across epochs"
    settings, (whole, _) = SETTINGS[name], whole_of(name)
    during = whole.validations[which][0]
    stop = Stop(lambda: os.kill(os.getpid(), signal.SIGTERM), validation=during)
    first, _ = run(tmp_path, settings, stop)
    second, _ = run(tmp_path, settings | today, resume=True)
    assert first.seen + second.seen == whole.seen
    assert second.validations == []


@pytest.mark.parametrize("name", SETTINGS)
def test_killed_in_a_validation(name: str, whole_of: Whole, tmp_path: Path) -> None:
    settings, (whole, expected) = SETTINGS[name], whole_of(name, 1)
    during = whole.validations[0][0]
    first, _ = run(tmp_path, settings, Stop(kill, validation=during), every_n_train_steps=1)
    second, _ = run(tmp_path, settings, resume=True, every_n_train_steps=1)
    assert first.validations + second.validations == whole.validations
    assert_equal(last_state(tmp_path), expected)


@pytest.mark.parametrize("name", SETTINGS)
def test_killed_after_a_validation_that_was_done_again(
    name: str, whole_of: Whole, tmp_path: Path
) -> None:
    settings, (whole, expected) = SETTINGS[name], whole_of(name, 1)
    step = whole.validations[0][0]
    stop = Stop(lambda: os.kill(os.getpid(), signal.SIGTERM), step - 1)
    first, _ = run(tmp_path, settings, stop, every_n_train_steps=1)
    killed = Stop(kill, step)
    second, _ = run(tmp_path, settings, killed, resume=True, every_n_train_steps=1)
    third, _ = run(tmp_path, settings, resume=True, every_n_train_steps=1)
    found = first.validations + second.validations + third.validations
    assert found == whole.validations
    assert_equal(last_state(tmp_path), expected)


def test_second_interrupt_stops_at_once(tmp_path: Path) -> None:
    def twice() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    module, trainer = run(tmp_path, SETTINGS["epochs"], Stop(twice, 1))
    assert len(module.seen) == 1
    assert trainer.interrupted
    assert not (tmp_path / "last.ckpt").exists()


def test_what_looks_at_the_last_validation_finds_it_when_resumed(tmp_path: Path) -> None:
    def stopping() -> EarlyStopping:
        return EarlyStopping("val/score", patience=9)

    _, trainer = run(tmp_path / "whole", SETTINGS["epochs"], stopping())
    # Killed in the second epoch: the first one's end, where the score is looked at, comes again.
    run(tmp_path, SETTINGS["epochs"], stopping(), Stop(kill, 6))
    _, resumed = run(tmp_path, SETTINGS["epochs"], stopping(), resume=True)
    assert resumed.global_step == trainer.global_step == 15
    assert_equal(last_state(tmp_path), last_state(tmp_path / "whole"))


class StopEarly(Callback):
    """Ends the run behind a batch of the first epoch, or at its end."""

    def __init__(self, batch: int | None) -> None:
        self.batch = batch

    def on_train_batch_end(self, trainer: Trainer, *arguments: Any) -> None:
        trainer.should_stop = trainer.should_stop or arguments[3] == self.batch

    def on_train_epoch_end(self, trainer: Trainer, *_: object) -> None:
        trainer.should_stop = trainer.should_stop or self.batch is None


@pytest.mark.parametrize(
    ("batch", "steps", "every"), [(1, 1, 100), (2, 1, 100), (None, 3, None), (None, 3, 100)]
)
@pytest.mark.parametrize("validated", [VALIDATED, 0])
def test_a_run_that_a_callback_ends_is_saved(
    batch: int | None,
    steps: int,
    every: int | None,
    validated: int,
    whole_of: Whole,
    tmp_path: Path,
) -> None:
    settings = SETTINGS["accumulated"] | {"limit_val_batches": validated}
    module, trainer = run(tmp_path, settings, StopEarly(batch), every_n_train_steps=every)
    assert trainer.global_step == steps
    kept = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert kept["global_step"] == steps
    assert_equal(dict(kept["state_dict"]), dict(module.state_dict()))
    again, resumed = run(tmp_path, settings, resume=True, every_n_train_steps=every)
    assert resumed.global_step == 9
    # A step that was cut in two has its last batches alone.
    assert module.seen + again.seen == whole_of("accumulated")[0].seen


class FullOnce(AtomicCheckpointIO):
    """A disk without room for one `best.ckpt`."""

    def __init__(self, write: int) -> None:
        super().__init__()
        self.left = write

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        self.left -= Path(path).name == "best.ckpt"
        if self.left == 0 and Path(path).name == "best.ckpt":
            self.failure = "no room"
        else:
            super().save_checkpoint(checkpoint, path, storage_options)


def test_a_best_that_could_not_be_written_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Scored(Small):
        def on_validation_epoch_end(self) -> None:
            self.log("val/scored", torch.tensor([0.5, 0.1, 0.2])[self.current_epoch])

    monkeypatch.setattr("tests.checkpoints.test_resume.AtomicCheckpointIO", lambda: FullOnce(2))
    run(tmp_path, SETTINGS["epochs"], module=Scored(), monitor="val/scored")
    best, last = (
        torch.load(tmp_path / f"{each}.ckpt", weights_only=True) for each in ("best", "last")
    )
    assert best["epoch"] == 2
    kept = next(each for each in last["callbacks"].values() if "best_model_score" in each)
    assert kept["best_model_score"] == pytest.approx(0.2)


def test_best_is_kept_beside_the_newest(tmp_path: Path) -> None:
    _, trainer = run(tmp_path, SETTINGS["epochs"], monitor="val/score", mode="min")
    scores = torch.load(tmp_path / "best.ckpt", weights_only=True)
    newest = torch.load(tmp_path / "last.ckpt", weights_only=True)
    kept = next(each for each in newest["callbacks"].values() if "best_model_score" in each)
    assert kept["best_model_score"] == scores["state_dict"]["layer.weight"].abs().sum()
    assert newest["global_step"] == 15
    assert trainer.checkpoint_callback.best_model_path == str(tmp_path / "best.ckpt")


def test_any_number_is_better_than_none(tmp_path: Path) -> None:
    class Late(Small):
        def on_validation_epoch_end(self) -> None:
            super().on_validation_epoch_end()
            self.log("val/late", float("nan") if self.current_epoch == 0 else self.current_epoch)

    run(tmp_path, SETTINGS["epochs"], module=Late(), monitor="val/late", mode="max")
    assert torch.load(tmp_path / "best.ckpt", weights_only=True)["epoch"] == 2


def test_monitor_that_is_not_logged_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'val/scor' among none of \['val/score'\]"):
        run(tmp_path, SETTINGS["epochs"], monitor="val/scor")


def test_last_step_is_always_saved(tmp_path: Path) -> None:
    run(tmp_path, SETTINGS["steps"], every_n_train_steps=5)
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"] == 12
