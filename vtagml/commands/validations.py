"""Whether a run will ever validate, from its config alone: who waits for a metric must be sure."""

import math
from argparse import ArgumentError
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from lightning import LightningDataModule

from datamodules.files import FileDataModule
from vtagml.building import built

UNTOLD_EPOCHS = 1000  # Lightning's, where neither steps nor epochs are said


class Schedule(NamedTuple):
    """Optimiser steps of a run; infinite for what never comes.

    Attributes:
        first: After which the first validation is done.
        last: At which the run ends.
        epoch: Of one epoch.
    """

    first: int | float
    last: int | float
    epoch: int


def check_validates(config: Any, why: str) -> None:
    """Refuses a fit that ends before its first validation.

    Args:
        config: Of the fit.
        why: What needs a validation, for the error.
    """
    planned = schedule(config)
    if planned is None or planned.first <= planned.last:
        return
    trainer = config.trainer
    when = (
        "validations are switched off (`trainer.limit_val_batches`)"
        if planned.first == math.inf
        else f"the first is after {planned.first} (an epoch has {planned.epoch}; "
        f"`trainer.check_val_every_n_epoch` is {trainer.check_val_every_n_epoch}, "
        f"`trainer.val_check_interval` {trainer.val_check_interval})"
    )
    raise ValueError(
        f"{why} needs a validation, found none in {planned.last} steps: {when}. Give a larger "
        "`--trainer.max_steps`, or `--trainer.check_val_every_n_epoch 1`."
    )


def schedule(config: Any) -> Schedule | None:
    """Returns when a fit validates first and ends; None where the data do not say their size."""
    trainer = config.trainer
    samples = _samples(config.data)
    if samples is None or trainer.fast_dev_run:
        return None
    batches = samples // (config.data.get("init_args.batch_size", 1) * _ranks(trainer))
    batches = _limited(trainer.limit_train_batches, batches)
    if batches < 1:
        return None  # the loader says it better
    accumulated = trainer.accumulate_grad_batches or 1
    steps = math.ceil(batches / accumulated)
    never = trainer.limit_val_batches == 0
    first = math.inf if never else _first(trainer, batches, accumulated)
    return Schedule(first, _last(trainer, steps), steps)


def _first(trainer: Any, batches: int, accumulated: int) -> int:
    """Returns the step after which the first validation comes; each epoch ends with a step."""
    interval, epochs = trainer.val_check_interval, (trainer.check_val_every_n_epoch or 1) - 1
    if interval is None:
        within = batches
    elif isinstance(interval, float):
        within = max(1, int(batches * interval))
    else:  # batches, over several epochs where these do not count
        more, rest = divmod(interval - 1, batches)
        epochs, within = epochs + more, rest + 1
    return epochs * math.ceil(batches / accumulated) + math.ceil(within / accumulated)


def _last(trainer: Any, steps: int) -> int | float:
    most, epochs = trainer.max_steps, trainer.max_epochs
    by_steps = math.inf if most is None or most < 0 else most
    if epochs is None:
        epochs = UNTOLD_EPOCHS if by_steps == math.inf else -1
    return min(by_steps, math.inf if epochs < 0 else epochs * steps)


def _limited(limit: int | float | None, batches: int) -> int:
    if limit is None:
        return batches
    return int(batches * limit) if isinstance(limit, float) else min(batches, limit)


def _ranks(trainer: Any) -> int:
    devices = trainer.devices
    if isinstance(devices, list):
        devices = len(devices)
    if not isinstance(devices, int) or devices < 1:
        devices = 1 if trainer.accelerator == "cpu" else max(1, torch.cuda.device_count())
    return devices * (trainer.num_nodes or 1)


def _samples(data: Any) -> int | None:
    """Returns how many training samples there are, as far as that is known without drawing any."""
    count = data.get("init_args.train")
    if isinstance(count, int):
        return count
    datamodule = _quietly(lambda: built(LightningDataModule, data))
    if not isinstance(datamodule, FileDataModule):
        return None
    return _quietly(lambda: len(datamodule.source("train").records))


def _quietly(make: Callable[[], Any]) -> Any:
    """Returns what is made; None where the run itself will say what is wrong."""
    try:
        return make()
    except (ArgumentError, OSError, ValueError, TypeError):
        return None
