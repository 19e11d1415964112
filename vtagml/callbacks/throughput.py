"""How fast training runs, and how much memory it takes."""

import time
from collections import deque
from statistics import median
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer

from vtagml.callbacks.checks import check_positive
from vtagml.callbacks.publish import log_numbers

MEBIBYTE = 2**20


class Throughput(Callback):
    """Logs images per second of all devices, seconds per batch, and peak memory on CUDA.

    A batch lasts from the end of the one before to its own end, so waiting for data counts;
    validation and everything else in between does not. Numbers are medians over a window, so a
    checkpoint that is written now and then does not matter. The device is not made to wait for
    the clock: it works off its queue as fast as batches are given, so the median holds, while the
    time of a single batch means little.

    Logs `throughput/images_per_second`, `throughput/batch_seconds`, `throughput/peak_memory_mib`.

    Args:
        every: Optimiser steps between two logs.
        window: Batches that the medians look back on.
        warmup: First batches that do not count: allocation, compilation and workers take time.
    """

    def __init__(self, every: int = 100, window: int = 50, warmup: int = 5) -> None:
        self.every = check_positive("Throughput", "every", every)
        self.warmup = warmup
        self.batches: deque[tuple[float, int]] = deque(
            maxlen=check_positive("Throughput", "window", window)
        )
        self._seen = 0
        self._ended: float | None = None
        self._logged = 0

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._ended = None

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._ended = None

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        now = time.perf_counter()
        self._seen += 1
        if self._ended is not None and self._seen > self.warmup:
            self.batches.append((now - self._ended, len(batch["image"])))
        self._ended = now
        step = trainer.global_step
        if self.batches and step % self.every == 0 and step != self._logged:
            self._logged = step
            log_numbers(trainer, self.numbers(trainer.world_size, pl_module.device), step)

    def numbers(self, world_size: int, device: torch.device) -> dict[str, float]:
        """Returns the medians over the window, and the peak memory of a CUDA device."""
        speed = median(images / seconds for seconds, images in self.batches)
        measured = {
            "throughput/images_per_second": speed * world_size,
            "throughput/batch_seconds": median(seconds for seconds, _ in self.batches),
        }
        if device.type == "cuda":
            peak = torch.cuda.max_memory_allocated(device) / MEBIBYTE
            measured["throughput/peak_memory_mib"] = peak
        return measured
