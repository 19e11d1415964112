"""Where the training loop stands, so that a checkpoint is taken where Lightning can go on exactly.

Lightning resumes exactly from a checkpoint taken at the end of a batch that completed an optimiser
step, unless a validation comes next: that one is then left out. It resumes exactly from the end of
a validation. From the end of an epoch it does not if `max_steps` is set: it repeats a batch. In
the middle of accumulated batches it loses the gradients so far. (Found by resuming from every such
point; `tests/checkpoints/test_resume.py` does it again.)
"""

from copy import deepcopy
from typing import Any

from lightning import Trainer


def step_complete(trainer: Trainer) -> bool:
    """Whether the batch that just ended was the last of its optimiser step."""
    return not trainer.fit_loop._should_accumulate()


def epoch_complete(trainer: Trainer) -> bool:
    """Whether the batch that just ended was the last of its epoch."""
    return trainer.fit_loop.epoch_loop._num_ready_batches_reached()


def run_complete(trainer: Trainer) -> bool:
    """Whether no step comes after this one."""
    epochs = trainer.max_epochs if trainer.max_epochs is not None else -1
    last_epoch = epochs != -1 and trainer.current_epoch + 1 >= epochs and epoch_complete(trainer)
    return stops(trainer) or trainer.global_step == trainer.max_steps or last_epoch


def stops(trainer: Trainer) -> bool:
    """Whether a callback has ended the run, and it is long enough to be ended."""
    return trainer.should_stop and trainer.fit_loop._can_stop_early


def validation_follows(trainer: Trainer) -> bool:
    """Whether a validation comes next, at the end of a training batch."""
    fetcher = trainer.fit_loop._data_fetcher
    assert fetcher is not None
    return trainer.fit_loop.epoch_loop._should_check_val_fx(fetcher)


def validated_batches(trainer: Trainer) -> int:
    """How many batches were validated on in this epoch so far."""
    return trainer.fit_loop.epoch_loop.val_loop.batch_progress.total.completed


def expect_validation(checkpoint: dict[str, Any], batches_before: int) -> None:
    """Makes a resumed run begin with the whole validation that comes next, or was interrupted.

    Args:
        checkpoint: Is changed: the training batch counts as completed, the validation as begun.
        batches_before: `validated_batches` before that validation.
    """
    loop = checkpoint["loops"]["fit_loop"]
    training = loop["epoch_loop.batch_progress"] = deepcopy(loop["epoch_loop.batch_progress"])
    for count in ("total", "current"):
        training[count]["completed"] = training[count]["processed"]
    begun, done = batches_before + 1, batches_before
    loop["epoch_loop.val_loop.batch_progress"] = {
        "total": {"ready": begun, "started": begun, "processed": done, "completed": done},
        "current": {"ready": 1, "started": 1, "processed": 0, "completed": 0},
        "is_last_batch": False,
    }


def resume_loaders(trainer: Trainer) -> None:
    """Makes loaders go on where the checkpoint says, also those that were built before it was read.

    So they are where `max_epochs` has to be counted in steps, for a learning-rate schedule;
    Lightning would then begin their epoch anew.
    """
    trainer.fit_loop._load_combined_loader_states()


def begin_next_epoch(trainer: Trainer) -> None:
    """Makes a run that was resumed at the end of an epoch count the next one as begun.

    Lightning takes it for the middle of an epoch; a second resume would then go wrong.
    """
    progress = trainer.fit_loop.epoch_progress.current
    if progress.ready == progress.completed:
        trainer.fit_loop.reset_restart_stage()


def forget_interrupted_validation(trainer: Trainer) -> None:
    """Makes a validation that is done again count once, at its start."""
    trainer.fit_loop.epoch_loop.val_loop.batch_progress.total.reset_on_restart()


def move_last_step(trainer: Trainer, steps: int) -> None:
    """Makes Lightning end so many steps later than with `max_steps`, or earlier again.

    With all of `max_steps` done it would not begin: a run that was stopped in the validation after
    its last step is let in by one more, which is taken back before it could be trained.
    """
    trainer.fit_loop.epoch_loop.max_steps += steps
