"""How often the gradients of two tasks point against each other."""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import torch
from jaxtyping import Float, Int64
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.rank_zero import rank_zero_warn
from torch import Tensor

from vtagml.attempt import Attempt
from vtagml.callbacks.checks import check_positive
from vtagml.callbacks.kept_files import keep
from vtagml.callbacks.publish import log_numbers, publish
from vtagml.drawing import conflict_course, cosine_histograms
from vtagml.loss_scale import loss_scale
from vtagml.multitask import multitask
from vtagml.parameter_roles import shared_by_all
from vtagml.run_folder import CONFLICTS, to_json
from vtagml.task_gradients import gram_of, shared_gradients

BINS = 200  # Of a hundredth: cosines of real gradients are often within 0.1 of zero.
SHARED, FORK = "shared", "fork"
TITLES = {SHARED: "of shared parameters", FORK: "at the fork"}
SUFFIX = {SHARED: "_shared", FORK: ""}  # of the histograms' files and tags

Cosines = Float[Tensor, "task source"]


class GradientConflicts(Callback):
    """Cosines between the gradients of the tasks, VMT-Adapter, Eq. 8: how often they are negative.

    At the fork, in every optimiser step: what the affinity is shown anyway. And of the parameters
    that train and belong to all tasks, every so many steps: that costs a forward and a backward
    per task on the step's first batch, with all ranks' images. Training does not notice, to the
    bit.

    Logs the shares of negative cosines (`conflicts/<task>/<task>` at the fork,
    `conflicts/shared/<task>/<task>`) and leaves in the run's folder `conflicts.json`: histograms,
    shares, and the cosines over training. At the end `figures/gradient_conflicts.png` shows the
    histograms at the fork, `…_shared.png` those of the parameters, `…_course.png` the cosines over
    training.

    Note:
        At a fork the inner products are added image by image; of parameters it is the gradient of
        the whole batch, as in the paper.

    Args:
        every: Optimiser steps between two measurements of the parameters' gradients, and two logs.
    """

    def __init__(self, every: int = 50) -> None:
        self.every = check_positive("GradientConflicts", "every", every)
        self.counts: dict[str, Int64[Tensor, "task source bins"]] = {}
        self.history: list[dict[str, Any]] = []
        self._attempt = Attempt("The plot of gradient conflicts or `conflicts.json`")
        self._last_step = 0
        self._measured: int | None = None
        self._shared: Cosines | None = None
        self._seen: Cosines | None = None

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        network = multitask(pl_module).network
        if not shared_by_all(network) and not network.observed:
            rank_zero_warn(
                "`GradientConflicts` has nothing to count: the tasks of "
                f"{type(network.encoder).__name__} and {type(network.decoders).__name__} share "
                "nothing that trains, and no fork that their streams leave apart."
            )

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        step, module = trainer.global_step, multitask(pl_module)
        if step % self.every or step == self._measured or len(module.objective.taught) < 2:
            return
        self._measured = step  # the first of the batches that are accumulated to a step
        if not (parameters := shared_by_all(module.network)):
            return
        module.objective.at_step(step)
        precision = trainer.precision_plugin
        found = shared_gradients(
            module.network,
            module.objective,
            batch,
            parameters,
            precision.train_step_context(),
            loss_scale(trainer),
        )
        self._shared = gram_of(found.tasks, parameters).cosines()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        step, tasks = trainer.global_step, multitask(pl_module).network.affinity.tasks
        if step == self._last_step:  # one of the batches that are accumulated to a step
            return
        self._last_step = step
        if not trainer.is_global_zero or len(tasks) < 2:
            return
        cosines = self._cosines(multitask(pl_module).network.affinity.last_cosines)
        for place, own in cosines.items():
            added = cosine_counts(own)
            self.counts[place] = added + self.counts.get(place, torch.zeros_like(added)).to(added)
        if cosines and self._measured == step - 1:
            pairs = list(combinations(range(len(tasks)), 2))
            of_pairs = {name: [own[pair].item() for pair in pairs] for name, own in cosines.items()}
            self.history.append({"step": step - 1, **of_pairs})
        if self.counts and step % self.every == 0:
            self._keep(trainer, tasks)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.is_global_zero or not self.counts:
            return
        tasks, step = multitask(pl_module).network.affinity.tasks, trainer.global_step
        self._keep(trainer, tasks)
        with self._attempt():
            for place, counts in self.counts.items():
                figure = cosine_histograms(counts.cpu().numpy(), tasks, TITLES[place])
                name, tag = (
                    f"gradient_conflicts{SUFFIX[place]}",
                    f"conflicts/histogram{SUFFIX[place]}",
                )
                publish(trainer, figure, name, tag, step)
            figure = conflict_course(self.history, tasks, TITLES)
            publish(trainer, figure, "gradient_conflicts_course", "conflicts/course", step)

    def state_dict(self) -> dict[str, Any]:
        counts = {place: own.cpu() for place, own in self.counts.items()}
        steps = {"last_step": self._last_step, "measured": self._measured}
        return {"counts": counts, "history": self.history, **steps}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.counts, self.history = dict(state_dict["counts"]), list(state_dict["history"])
        self._last_step, self._measured = state_dict["last_step"], state_dict["measured"]

    def _cosines(self, at_fork: Cosines | None) -> dict[str, Cosines]:
        """Of this step: a step that nothing was observed in leaves the affinity the last one's."""
        found = {SHARED: self._shared, FORK: None if at_fork is self._seen else at_fork}
        self._shared, self._seen = None, at_fork
        return {place: cosines for place, cosines in found.items() if cosines is not None}

    def _keep(self, trainer: Trainer, tasks: tuple[str, ...]) -> None:
        with self._attempt():
            log_numbers(trainer, shares(self.counts, tasks), trainer.global_step)
            keep(trainer, CONFLICTS, to_json(record(self.counts, self.history, tasks)))


def cosine_counts(cosines: Float[Tensor, "task source"]) -> Int64[Tensor, "task source bins"]:
    """Returns a one in the bin of each cosine, bins from -1 to 1; nothing where it is NaN."""
    known = cosines.isfinite()
    place = ((cosines.nan_to_num() + 1) / 2 * BINS).floor().long().clamp(0, BINS - 1)
    # By sign, so that rounding does not move a conflict across zero.
    place = torch.where(cosines < 0, place.clamp(max=BINS // 2 - 1), place)
    return torch.nn.functional.one_hot(place, BINS) * known[..., None]


def conflict_shares(
    counts: Int64[Tensor, "task source bins"], tasks: tuple[str, ...]
) -> dict[str, float]:
    """Returns for each pair that was observed the share of steps with a negative cosine."""
    below, observed = counts[..., : BINS // 2].sum(-1).tolist(), counts.sum(-1).tolist()
    return {
        f"{tasks[first]}/{tasks[second]}": below[first][second] / observed[first][second]
        for first, second in combinations(range(len(tasks)), 2)
        if observed[first][second]
    }


def shares(counts: Mapping[str, Tensor], tasks: tuple[str, ...]) -> dict[str, float]:
    """Returns the shares of all places under the names that loggers show."""
    prefix = {SHARED: "conflicts/shared/", FORK: "conflicts/"}
    return {
        prefix[place] + pair: share
        for place, own in counts.items()
        for pair, share in conflict_shares(own, tasks).items()
    }


def record(
    counts: Mapping[str, Tensor], history: list[dict[str, Any]], tasks: tuple[str, ...]
) -> dict[str, Any]:
    """Returns all that was counted, pairs in the order of `pairs`, as `conflicts.json` has it."""
    pairs = list(combinations(range(len(tasks)), 2))
    named = [[tasks[first], tasks[second]] for first, second in pairs]
    places = {}
    for place, own in counts.items():
        known = conflict_shares(own, tasks)
        below = [known.get("/".join(pair)) for pair in named]
        places[place] = {"below_zero": below, "counts": [own[pair].tolist() for pair in pairs]}
    return {"tasks": list(tasks), "pairs": named, "places": places, "history": history}
