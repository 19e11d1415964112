"""When a run's checkpoints are taken, and how a run stops when it is asked to."""

import math
import sys
import warnings
from pathlib import Path
from typing import Any, Literal

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from vtagml.checkpoints import loop_position as loop
from vtagml.checkpoints import slurm
from vtagml.checkpoints.random_states import random_states, restore_random_states
from vtagml.checkpoints.stop_request import StopRequest, name


class RunCheckpoint(ModelCheckpoint):
    """Keeps one file that is always the newest, from which a run goes on bit by bit.

    It is taken after the last step too. SIGTERM, Ctrl-C and SLURM's signal to requeue stop the run
    after the step they fall into, with a checkpoint; a validation they fall into is done again.

    Note:
        A checkpoint is taken only where Lightning can go on exactly (`loop_position`). If a
        validation follows a step, it is taken after it, so that a kill during a validation costs
        the steps since the checkpoint before. Lightning's own `ModelCheckpoint` beside this one is
        exact with `save_on_train_epoch_end: false`.

    Args:
        dirpath: The folder; by default `checkpoints` in the run's folder.
        filename: Name of the newest checkpoint, without ending.
        monitor: A logged metric, such as `val/depth/rmse`: `best.ckpt` is where it was best.
        mode: Whether `min` or `max` of it is best.
        every_n_train_steps: Optimiser steps between two checkpoints; by default one epoch.
    """

    def __init__(
        self,
        dirpath: str | None = None,
        filename: str = "last",
        monitor: str | None = None,
        mode: Literal["min", "max"] = "min",
        every_n_train_steps: int | None = None,
    ) -> None:
        super().__init__(
            dirpath=dirpath,
            filename=filename,
            monitor=monitor,
            mode=mode,
            every_n_train_steps=every_n_train_steps,
            save_on_train_epoch_end=False,
            enable_version_counter=False,
        )
        self._request = StopRequest()
        self._due = False
        self._validated_before = 0
        self._askable: float = 0
        self._expect_validation = self._ended = self._only_validation_left = False
        self._random_states: list[dict[str, Any]] | None = None
        self._validated: dict[str, torch.Tensor] = {}  # what the last validation found
        self._device = torch.device("cpu")

    @property
    def state_key(self) -> str:
        # Lightning's names the settings, so that one who changes how often would lose the state.
        return type(self).__name__

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        with warnings.catch_warnings():
            # The folder is this run's; `fit_in` sees to that.
            warnings.filterwarnings("ignore", "Checkpoint directory .* exists")
            super().setup(trainer, pl_module, stage)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # A strategy that restores after its setup has not told yet: its run ends without it.
        self._only_validation_left = self._ended and self._due
        if self._only_validation_left:
            loop.move_last_step(trainer, 1)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_train_start(trainer, pl_module)
        self._device = pl_module.device
        loop.resume_loaders(trainer)
        loop.begin_next_epoch(trainer)
        if not loop.validation_follows(trainer):  # by the settings of today
            self._leave_after_validation(trainer)
        if self._random_states is not None:
            restore_random_states(self._random_states, trainer.global_rank, self._device)
            self._random_states = None
            # Stops and schedules look at them at the end of the epoch.
            found = {key: value.to(self._device) for key, value in self._validated.items()}
            trainer.callback_metrics.update(found)
        self._request.listen()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        # What ends a run may do so within a step, which is lost then; the steps before it are not.
        ends = loop.step_complete(trainer) or loop.stops(trainer)
        if not (self._is_fitting(trainer) and ends):
            return
        follows = loop.validation_follows(trainer)
        self._validated_before = loop.validated_batches(trainer)
        self._due = self._due or self._is_due(trainer)
        if number := self._asked_to_stop(trainer):
            self._stop(trainer, number, before_validation=follows)
        if self._due and not follows:
            self._save_newest(trainer)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        loop.forget_interrupted_validation(trainer)
        self._leave_after_validation(trainer)
        self._askable = sum(trainer.num_val_batches)
        if trainer.world_size > 1:
            # Ranks may differ by a batch, and one that asks the others alone would wait for ever:
            # where a loader has no length, none asks before the validation is over.
            mine = int(self._askable) if math.isfinite(self._askable) else 0
            self._askable = self._agreed(trainer, mine, "min")

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, *batch: Any, **which: Any
    ) -> None:
        self._askable -= 1
        if self._askable < 0 or not (self._is_fitting(trainer) and loop.step_complete(trainer)):
            return
        if number := self._asked_to_stop(trainer):
            self._stop(trainer, number, before_validation=True)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self._is_fitting(trainer):
            return
        metrics = trainer.callback_metrics.items()
        self._validated = {key: value.detach().cpu() for key, value in metrics if key[:4] == "val/"}
        self._keep_best(trainer)
        if self._due or loop.stops(trainer):
            self._save_newest(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Saves only what would be lost: Lightning does not go on exactly from here."""
        ends = self._is_fitting(trainer) and loop.stops(trainer)
        if ends and trainer.global_step != self._last_global_step_saved:
            self._save_newest(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._request.close()
        if self._has_failed(trainer):
            self._save_newest(trainer)

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        self._request.close()

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        if self._expect_validation:
            loop.expect_validation(checkpoint, self._validated_before)

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        self._ended = checkpoint["global_step"] == trainer.max_steps

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {
            "random_states": random_states(self._device),
            "job": slurm.job(),
            "before_validation": self._expect_validation,
            "validated": self._validated,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._random_states = state_dict.get("random_states")
        self._validated = state_dict.get("validated", {})
        # After the validation that is still to come a checkpoint is due, or it would come again.
        self._due = state_dict.get("before_validation", False)
        # Paths of the machine it was written on are not this run's, and Lightning warns of them.
        # The last one is removed when the next is written: nothing outside the folder may be.
        last, folder = state_dict["last_model_path"], Path(str(self.dirpath))
        moved = state_dict["dirpath"] != self.dirpath or (last and Path(last).parent != folder)
        super().load_state_dict(state_dict | {"dirpath": self.dirpath})
        if moved:
            self.best_model_path = self.last_model_path = ""

    def _is_fitting(self, trainer: Trainer) -> bool:
        """Whether the hook belongs to a real fit, not to its sanity check, a test, a trial run."""
        trial = getattr(trainer, "fast_dev_run", False)
        return trainer.state.fn == "fit" and not trainer.sanity_checking and not trial

    def _is_due(self, trainer: Trainer) -> bool:
        if trainer.global_step == self._last_global_step_saved:
            return False
        steps = self._every_n_train_steps  # 0 for an epoch
        due = trainer.global_step % steps == 0 if steps else loop.epoch_complete(trainer)
        return due or loop.run_complete(trainer)

    def _save_newest(self, trainer: Trainer) -> None:
        path = self.format_checkpoint_name(self._monitor_candidates(trainer))
        previous, self.last_model_path = self.last_model_path, path
        if self.monitor is None:
            self.best_model_path = path
        self._save_checkpoint(trainer, path)
        if previous not in ("", path):
            trainer.strategy.remove_checkpoint(previous)
        self._due = False

    def _keep_best(self, trainer: Trainer) -> None:
        if self.monitor is None:
            return
        score = trainer.callback_metrics.get(self.monitor)
        if score is None:
            known = sorted(key for key in trainer.callback_metrics if key.startswith("val/"))
            raise ValueError(
                f"`checkpoint.monitor` must be a metric of the validation, found {self.monitor!r} "
                f"among none of {known}."
            )
        best = self.best_model_score
        better = torch.lt if self.mode == "min" else torch.gt
        if best is None or best.isnan() or bool(better(score, best.to(score))):
            before = best, self.best_model_path
            self.best_model_score = score.detach().clone()
            self.best_model_path = str(Path(str(self.dirpath)) / "best.ckpt")
            saved = self._last_global_step_saved
            self._save_checkpoint(trainer, self.best_model_path)
            self._last_global_step_saved = saved
            if self._has_failed(trainer):  # the next that is better than what is kept has its turn
                self.best_model_score, self.best_model_path = before

    def _has_failed(self, trainer: Trainer) -> bool:
        """Whether the last checkpoint could not be written, which rank 0 knows."""
        failure = getattr(trainer.strategy.checkpoint_io, "failure", None)
        return trainer.strategy.broadcast(failure) is not None

    def _leave_after_validation(self, trainer: Trainer) -> None:
        if self._only_validation_left:
            loop.move_last_step(trainer, -1)
        self._only_validation_left = False

    def _asked_to_stop(self, trainer: Trainer) -> int:
        """Returns the signal that any rank got, so that all of them stop at the same step."""
        number = self._request.number
        return number if trainer.world_size == 1 else self._agreed(trainer, number, "max")

    def _agreed(self, trainer: Trainer, number: int, how: Literal["min", "max"]) -> int:
        mine = torch.tensor(number, device=self._device)
        return int(trainer.strategy.reduce(mine, reduce_op=how))

    def _stop(self, trainer: Trainer, number: int, before_validation: bool) -> None:
        self._expect_validation = before_validation
        self._save_newest(trainer)
        if trainer.is_global_zero:
            sys.stderr.write(
                f"Stopped by {name(number)} after step {trainer.global_step}. "
                f"`{self.last_model_path}` has it all: go on with `--ckpt_path last`.\n"
            )
            if number == slurm.REQUEUE_SIGNAL:
                slurm.requeue()
        raise SystemExit(128 + number)  # as shells report it
