"""Keeps, logs and draws the affinities of the tasks during training."""

import math
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer

from vtagml.affinity import Affinity
from vtagml.attempt import Attempt
from vtagml.callbacks.checks import check_positive
from vtagml.callbacks.kept_files import keep
from vtagml.callbacks.publish import Cell, log_numbers, log_table, publish
from vtagml.drawing import AffinityRecord, affinity_heatmaps, affinity_history
from vtagml.multitask import multitask
from vtagml.run_folder import AFFINITY, to_json

COLUMNS = ("step", "target", "source", "omega", "similarity")


class AffinityHeatmap(Callback):
    """Draws S and ω every so many optimiser steps and at the end, in the form of Fig. 4.

    Leaves in the run's folder `figures/affinity/step_000100.png` and so on,
    `figures/affinity_history.png` and `affinity.json`: the state of the affinity, which another
    run can start from, and its history, from which every figure can be drawn again. Logs all
    entries (`affinity/omega/<target>/<source>`,
    `affinity/similarity/<target>/<source>`), the loss weights (`affinity/weight/<task>`) and how
    often a pair had no usable gradient (`affinity/skipped`); at the end all of it as one table
    (`affinity/table`), to loggers that take tables.

    Args:
        every: Optimiser steps between two records.
    """

    def __init__(self, every: int = 100) -> None:
        self.every = check_positive("AffinityHeatmap", "every", every)
        self.history: list[AffinityRecord] = []
        self._attempt = Attempt("An affinity heat map or `affinity.json`")

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        # A step lasts several batches under accumulation; it counts once, when it is done.
        if trainer.is_global_zero and trainer.global_step % self.every == 0:
            self._record(trainer, multitask(pl_module).network.affinity)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.is_global_zero or trainer.global_step == 0:
            return
        affinity = multitask(pl_module).network.affinity
        self._record(trainer, affinity)
        with self._attempt():
            figure = affinity_history({"tasks": list(affinity.tasks), "history": self.history})
            publish(trainer, figure, "affinity_history", "affinity/history", trainer.global_step)
            rows: list[list[Cell]] = [
                [own["step"], *each]
                for own in self.history
                for each in entries(affinity.tasks, own)
            ]
            log_table(trainer, "affinity/table", COLUMNS, rows, trainer.global_step)

    def state_dict(self) -> dict[str, Any]:
        return {"history": self.history}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.history = list(state_dict["history"])

    def _record(self, trainer: Trainer, affinity: Affinity) -> None:
        step = trainer.global_step
        if step == 0 or (self.history and self.history[-1]["step"] == step):
            return
        record = affinity_record(affinity, step)
        self.history.append(record)
        with self._attempt():
            log_numbers(trainer, numbers(affinity.tasks, record), step)
            omega, similarity = torch.tensor(record["omega"]), torch.tensor(record["similarity"])
            figure = affinity_heatmaps(omega, similarity, affinity.tasks, f"Step {step}")
            publish(trainer, figure, f"affinity/step_{step:06d}", "affinity/heatmap", step)
            content = {**affinity.state(), "step": step, "history": self.history}
            keep(trainer, AFFINITY, to_json(content))


@torch.no_grad()
def affinity_record(affinity: Affinity, step: int) -> AffinityRecord:
    """Returns the affinities as plain numbers, matrices as [target][source].

    S of a pair that was never observed is NaN: its 0 would look like a result.
    """
    similarity = torch.where(affinity.observations > 0, affinity.similarity, torch.nan)
    return {
        "step": step,
        "omega": affinity.omega.tolist(),
        "similarity": similarity.tolist(),
        "weights": affinity.weights.tolist(),
        # The counts are symmetric: each pair once.
        "skipped": int(affinity.skipped.tril().sum()),
    }


def entries(
    tasks: Sequence[str], record: AffinityRecord
) -> Iterator[tuple[str, str, float, float]]:
    """Goes through the pairs of target and source, with their entries of ω and of S."""
    for (row, target), (column, source) in product(enumerate(tasks), repeat=2):
        yield target, source, record["omega"][row][column], record["similarity"][row][column]


def numbers(tasks: Sequence[str], record: AffinityRecord) -> dict[str, float]:
    """Returns the known entries of a record under the names that loggers show."""
    named: dict[str, float] = {"affinity/skipped": float(record["skipped"])}
    for target, source, omega, similarity in entries(tasks, record):
        named[f"affinity/omega/{target}/{source}"] = omega
        if not math.isnan(similarity):
            named[f"affinity/similarity/{target}/{source}"] = similarity
    for task, weight in zip(tasks, record["weights"], strict=True):
        named[f"affinity/weight/{task}"] = weight
    return named
