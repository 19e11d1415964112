"""Training, validation and test of a multitask network: losses, weights, logs."""

import math
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import lightning
import torch
from jaxtyping import Float
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.nn.utils import clip_grad_norm_, clip_grad_value_
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from vtagml.affinity import Uniform
from vtagml.backbone import Backbone, TimmBackbone, differing_keys
from vtagml.checkpoints.reading import CLASS_NAMES, TASKS
from vtagml.compute import Compute
from vtagml.data import data_of
from vtagml.decoders import AllMLP, PerTask
from vtagml.evaluation import Evaluation
from vtagml.loss_scale import loss_scale
from vtagml.network import AffinityOfTasks, DecodersOfTasks, EncoderOfTasks, MultitaskNetwork
from vtagml.objectives import Batch, Losses, Objective, SumOfTasks
from vtagml.of_tasks import modules_within
from vtagml.parameters import parameter_groups
from vtagml.schedule import WarmupCosine
from vtagml.step_counts import LooksAhead, StepCounts, scale
from vtagml.tasks import Task

OptimizerOfParameters = Callable[[Iterable[Any]], Optimizer]
ScheduleOfSteps = Callable[[Optimizer, int], LRScheduler]
ObjectiveOfTasks = Callable[[Mapping[str, Task]], Objective]


def default_decoders(outputs: Mapping[str, int], channels: Any) -> PerTask:
    """Builds an All-MLP decoder per task."""
    return PerTask(outputs, channels, AllMLP)


def adamw(parameters: Any) -> Optimizer:
    """Builds AdamW with the learning rate that suits small decoders."""
    return torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.01)


class MultitaskModule(lightning.LightningModule):
    """Trains a network on several tasks; the affinity watches each backward.

    What is minimised is Σ_n w_n·c_n·L_n with the affinity's weights w_n = Σ_t ω[t, n] (Sec. 3.2.1),
    the tasks' fixed weights c_n and the objective's losses L_n, and the objective's further terms.

    Args:
        tasks: What to predict; their order is the order of the affinity's rows and columns.
        encoder: The method: an encoder class and its settings.
        decoders: Decoders and their settings.
        affinity: Which affinity, and its settings.
        objective: What of the tasks' maps is minimised.
        optimizer: An optimiser class and its settings.
        schedule: Builds the learning-rate schedule from the optimiser and the number of steps.
        encoder_rate: Learning rate of the encoder as a share of the decoders'.
        backbone_rate: That of what trains in the encoder's backbone, likewise; null for the
            encoder's. Full fine-tuning beside new layers wants less for what was pre-trained.
        compute: Whether the network is compiled, how convolutions lie in memory, and whether
            the tasks' decoders are differentiated in turn.
    """

    def __init__(
        self,
        tasks: list[Task],
        encoder: EncoderOfTasks,
        decoders: DecodersOfTasks = default_decoders,
        affinity: AffinityOfTasks = Uniform,
        objective: ObjectiveOfTasks = SumOfTasks,
        optimizer: OptimizerOfParameters = adamw,
        schedule: ScheduleOfSteps = WarmupCosine,
        encoder_rate: float = 1.0,
        backbone_rate: float | None = None,
        compute: Compute = Compute(),  # noqa: B008 -- frozen
    ) -> None:
        super().__init__()
        self.tasks = _by_name(tasks)
        outputs = {name: task.channels for name, task in self.tasks.items()}
        self.network = MultitaskNetwork(outputs, encoder, decoders, affinity)
        # After the network, so that its first weights do not depend on the objective.
        self.objective = objective(self.tasks)
        for module in modules_within(self.network, self.tasks.keys() - self.objective.taught):
            module.requires_grad_(False)  # no loss reaches them
        self.optimizer, self.schedule = optimizer, schedule
        rates = {"encoder": encoder_rate, "backbone": backbone_rate}
        self.rates = {part: rate for part, rate in rates.items() if rate is not None}
        self.last_losses: Tensor = torch.zeros(len(self.tasks))  # of the last micro-batch, by task
        self.evaluation = Evaluation(self.tasks)
        compute.prepare(self.network)

    @property
    def task_names(self) -> list[str]:
        """Names of the tasks: the sample keys that the data has to give."""
        return list(self.tasks)

    def setup(self, stage: str) -> None:
        data = data_of(self.trainer)
        self._check_size(data.image_size)
        if stage == "fit":
            self._check_withheld(data.withheld)
        if data.labels is not None:
            self.evaluation.bind(data.labels)

    def trained_on(self, names: Mapping[str, Any]) -> None:
        """Learns what the classes of its weights are called, before `setup`, by task."""
        for name, task in self.tasks.items():
            known = names.get(name)
            # Another number is another model, as is said when its weights are loaded.
            if isinstance(known, list) and len(known) == task.nameable:
                task.trained_on([str(each) for each in known])

    def _check_size(self, given: tuple[int, int] | None) -> None:
        for backbone in self.network.encoder.modules():
            if not isinstance(backbone, TimmBackbone) or given is None:
                continue
            if tuple(given) == tuple(backbone.image_size):
                continue
            warnings.warn(
                f"The backbone's windows are fitted to its `image_size` {backbone.image_size}, the "
                f"data have {given}: it runs, but windows are padded or not shifted. Set "
                "`model.encoder.init_args.backbone.init_args.image_size` to the data's.",
                stacklevel=2,
            )
            return

    def _check_withheld(self, withheld: Iterable[str] | None) -> None:
        held_out = [name for name in self.tasks if name not in self.objective.taught]
        if withheld is not None and set(withheld) != set(held_out):
            raise ValueError(
                f"`data.withheld` must be the objective's `held_out` {held_out}, found "
                f"{list(withheld)}. Give both the same tasks: the labels of a held-out task are "
                "not to be read, and no other task can do without its labels."
            )

    def forward(self, image: Float[Tensor, "batch 3 height width"]) -> dict[str, Tensor]:
        maps = self.network(image)
        return {name: task.predict(maps[name]) for name, task in self.tasks.items()}

    def on_train_start(self) -> None:
        # An epoch may begin with another loader, and a resumed one does not begin for Lightning.
        self.on_train_epoch_start()

    def on_train_epoch_start(self) -> None:
        loader = self.trainer.train_dataloader
        if isinstance(loader, LooksAhead):
            loader.through = StepCounts(self.trainer, self.objective.counts)

    def training_step(self, batch: Batch, index: int) -> Tensor:
        self.objective.at_step(self.global_step)
        self.network.scale = loss_scale(self._trainer)
        losses = self.objective(self.network, batch)
        self.network.affinity.see(self.global_step, losses.tasks.detach())
        fixed = losses.tasks.new_tensor([task.weight for task in self.tasks.values()])
        total = (self.network.affinity.weights.to(losses.tasks) * fixed * losses.tasks).sum()
        # A loss that is not finite may have a finite gradient. Times NaN no gradient is finite, on
        # any rank, and `SkipFaultySteps` finds it.
        total = total * torch.where(losses.tasks.isfinite().all(), 1.0, torch.nan)
        self._log(total.detach(), losses, len(batch["image"]))
        for term in losses.terms.values():
            total = total + (term.weight * term.value).sum()
        return total * scale(batch)

    def _log(self, total: Tensor, losses: Losses, size: int) -> None:
        # What `SkipFaultySteps` looks at to name the task and the samples.
        self.last_losses = losses.tasks.detach()
        for term in losses.terms.values():
            self.last_losses = self.last_losses + term.value.detach().to(self.last_losses)
        self.log("train/loss", total, batch_size=size)
        for place, name in enumerate(self.tasks):
            if name in self.objective.taught:
                loss = losses.tasks[place].detach()
                self.log(f"train/{name}/loss", loss, prog_bar=True, batch_size=size)
            for kind, term in losses.terms.items():
                self.log(f"train/{name}/{kind}", term.value[place].detach(), batch_size=size)

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        own = self.objective.group()
        if own is None or not gradient_clip_val:
            self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)
            return
        # What the objective learns must not change how far the network moves.
        clip = clip_grad_value_ if gradient_clip_algorithm == "value" else clip_grad_norm_
        groups = optimizer.param_groups
        for clipped in (
            [group for group in groups if group["name"] != own["name"]],
            [group for group in groups if group["name"] == own["name"]],
        ):
            clip([each for group in clipped for each in group["params"]], gradient_clip_val)

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        gram = self.network.take_gram()
        if gram is not None and not self._overflowed(optimizer):
            self.network.affinity.observe(gram.reduced())

    def _overflowed(self, optimizer: Optimizer) -> bool:
        """Whether 16-bit precision's scaler is about to leave this step out.

        It looks for an infinity or NaN in the gradients, so all ranks find the same.
        """
        if getattr(getattr(self._trainer, "precision_plugin", None), "scaler", None) is None:
            return False
        parameters = [each for group in optimizer.param_groups for each in group["params"]]
        gradients = [each.grad for each in parameters if each.grad is not None]
        return not bool(torch.nn.utils.get_total_norm(gradients, math.inf).isfinite())

    def validation_step(self, batch: Batch, index: int) -> dict[str, dict[str, Tensor]]:
        return {"predictions": self.evaluation.score(self.network, batch, "val")}

    def test_step(self, batch: Batch, index: int) -> dict[str, dict[str, Tensor]]:
        return {"predictions": self.evaluation.score(self.network, batch, "test")}

    def predict_step(self, batch: Batch, index: int) -> dict[str, Any]:
        return {"name": batch["name"], **self.evaluation.predict(self.network, batch)}

    def on_validation_epoch_end(self) -> None:
        self.log_dict(self.evaluation.results("val"))

    def on_test_epoch_end(self) -> None:
        self.log_dict(self.evaluation.results("test"))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        tasks = self.tasks.items()
        names = {name: list(task.class_names) for name, task in tasks if task.class_names}
        checkpoint |= {TASKS: self.task_names, CLASS_NAMES: names}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        found = checkpoint.get("state_dict", {})
        differences = list(differing_keys(self.state_dict(), found))
        if differences:
            raise ValueError(
                f"The checkpoint's model is not the config's: {len(differences)} differences, "
                f"first {'; '.join(differences[:8])}. Give the config that the checkpoint was "
                "trained with (config.yaml in its run folder)."
            )

    def configure_optimizers(self) -> OptimizerLRScheduler:
        encoder, apart = self.network.encoder, "backbone" in self.rates
        backbones = [each for each in encoder.modules() if apart and isinstance(each, Backbone)]
        groups = parameter_groups(self.network.decoders, encoder, backbones)
        own = self.objective.group()
        optimizer = self.optimizer(groups if own is None else [*groups, own])
        if own is not None and (unknown := own.keys() - {*optimizer.defaults, "params", "name"}):
            raise ValueError(
                f"`optimizer` must take {sorted(unknown)}, which the objective sets for what it "
                f"learns itself, found {type(optimizer).__name__}: take one of Adam's family."
            )
        for group in optimizer.param_groups:
            group["lr"] *= self.rates.get(group["name"].partition("/")[0], 1.0)
        steps = self.trainer.estimated_stepping_batches
        if math.isinf(steps):
            raise ValueError(
                "`trainer.max_steps` or `trainer.max_epochs` must say how long to train, found "
                "neither: the learning-rate schedule needs the number of steps."
            )
        schedule = self.schedule(optimizer, int(steps))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def _by_name(tasks: list[Task]) -> dict[str, Task]:
    names = [task.name for task in tasks]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"`tasks` must be one or more tasks of different names, found {names}.")
    return {task.name: task for task in tasks}
