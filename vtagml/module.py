"""Training, validation and test of a multitask network: losses, weights, logs."""

import math
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import lightning
import torch
import torch.distributed
from jaxtyping import Float
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from vtagml.affinity import Uniform
from vtagml.backbone import differing_keys
from vtagml.checkpoints.reading import CLASS_NAMES
from vtagml.decoders import AllMLP, PerTask
from vtagml.evaluation import Evaluation
from vtagml.network import AffinityOfTasks, DecodersOfTasks, EncoderOfTasks, MultitaskNetwork
from vtagml.parameters import parameter_groups
from vtagml.schedule import WarmupCosine
from vtagml.step_counts import STEP, LooksAhead, StepCounts, scale
from vtagml.tasks import Task

Batch = dict[str, Any]
OptimizerOfParameters = Callable[[Iterable[Any]], Optimizer]
ScheduleOfSteps = Callable[[Optimizer, int], LRScheduler]


def default_decoders(outputs: Mapping[str, int], channels: Any) -> PerTask:
    """Builds an All-MLP decoder per task."""
    return PerTask(outputs, channels, AllMLP)


def adamw(parameters: Any) -> Optimizer:
    """Builds AdamW with the learning rate that suits small decoders."""
    return torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.01)


class MultitaskModule(lightning.LightningModule):
    """Trains a network on several tasks; the affinity watches each backward.

    The loss is Σ_n w_n·c_n·L_n with the affinity's weights w_n = Σ_t ω[t, n] (Sec. 3.2.1), the
    tasks' fixed weights c_n and L_n the mean over the valid pixels of all ranks and of all batches
    that are accumulated to an optimiser step (where the loader can read ahead, as those of
    `datamodules` do; of others each batch is averaged by itself).

    Args:
        tasks: What to predict; their order is the order of the affinity's rows and columns.
        encoder: The method: an encoder class and its settings.
        decoders: Decoders and their settings.
        affinity: Which affinity, and its settings.
        optimizer: An optimiser class and its settings.
        schedule: Builds the learning-rate schedule from the optimiser and the number of steps.
        encoder_rate: Learning rate of the encoder as a share of the decoders'.
        compile: Backend of `torch.compile` for encoder and decoders, null for none.
        channels_last: Whether convolutions compute with the channels in the last place.
    """

    def __init__(
        self,
        tasks: list[Task],
        encoder: EncoderOfTasks,
        decoders: DecodersOfTasks = default_decoders,
        affinity: AffinityOfTasks = Uniform,
        optimizer: OptimizerOfParameters = adamw,
        schedule: ScheduleOfSteps = WarmupCosine,
        encoder_rate: float = 1.0,
        compile: str | None = None,
        channels_last: bool = False,
    ) -> None:
        super().__init__()
        self.tasks = _by_name(tasks)
        outputs = {name: task.channels for name, task in self.tasks.items()}
        self.network = MultitaskNetwork(outputs, encoder, decoders, affinity)
        self.optimizer, self.schedule, self.encoder_rate = optimizer, schedule, encoder_rate
        self.last_losses: Tensor = torch.zeros(len(self.tasks))  # of the last micro-batch, by task
        self.evaluation = Evaluation(self.tasks)
        if channels_last:
            # A convolution follows its weights, whatever its input: the images stay as they are.
            self.network.to(memory_format=torch.channels_last)
        if compile is not None:
            self.network.compile(backend=compile)

    @property
    def task_names(self) -> list[str]:
        """Names of the tasks: the sample keys that the data has to give."""
        return list(self.tasks)

    @property
    def taught(self) -> list[str]:
        """Names of the tasks whose labels train: all, but for siblings that leave some out."""
        return self.task_names

    def setup(self, stage: str) -> None:
        datamodule = getattr(self.trainer, "datamodule", None)
        self._check_size(getattr(datamodule, "image_size", None))
        labels = getattr(datamodule, "labels", None)
        if labels is not None:
            self.evaluation.bind(labels)

    def trained_on(self, names: Mapping[str, Any]) -> None:
        """Learns what the classes of its weights are called, before `setup`, by task."""
        for name, task in self.tasks.items():
            known = names.get(name)
            # Another number is another model, as is said when its weights are loaded.
            if isinstance(known, list) and len(known) == task.channels:
                task.trained_on([str(each) for each in known])

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        tasks = self.tasks.items()
        names = {name: list(task.class_names) for name, task in tasks if task.class_names}
        checkpoint[CLASS_NAMES] = names

    def _check_size(self, given: tuple[int, int] | None) -> None:
        built = getattr(getattr(self.network.encoder, "backbone", None), "image_size", None)
        if given is not None and built is not None and tuple(given) != tuple(built):
            warnings.warn(
                f"The backbone's windows are fitted to its `image_size` {tuple(built)}, the data "
                f"have {tuple(given)}: it runs, but windows are padded or not shifted. Set "
                "`model.encoder.init_args.backbone.init_args.image_size` to the data's.",
                stacklevel=2,
            )

    def forward(self, image: Float[Tensor, "batch 3 height width"]) -> dict[str, Tensor]:
        maps = self.network(image)
        return {name: self.tasks[name].predict(map) for name, map in maps.items()}

    def losses(self, maps: Mapping[str, Tensor], batch: Batch) -> Float[Tensor, "task"]:
        """Computes every task's loss, averaged over the valid pixels of all ranks.

        Every rank's gradient is averaged by DistributedDataParallel, so each sum is divided by
        the mean count of a rank: the average of the gradients is then that of one process. So it
        is with the batches that make up one optimiser step (`StepCounts`).
        """
        taught = self.taught
        absent = [name for name in taught if name not in batch]
        if absent:
            raise ValueError(
                f"Every training batch must have each of the `tasks` {taught}, found "
                f"none of {absent}. Mark unknown labels by NaN (255 for classes), or drop the task."
            )
        nothing = batch["image"].new_zeros((), dtype=torch.float32)
        pairs = [
            task.loss(maps[name], batch[name]) if name in taught else (nothing, nothing)
            for name, task in self.tasks.items()
        ]
        sums = torch.stack([sum for sum, _ in pairs])
        counts = torch.stack([count for _, count in pairs]).to(sums)
        if STEP in batch:
            counts = sums.new_tensor(batch[STEP]["counts"]) / batch[STEP]["batches"]
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.all_reduce(counts)
            counts = counts / torch.distributed.get_world_size()
        # Below one valid pixel there is nothing to average; the sum is an exact zero then.
        return sums / counts.clamp(min=torch.finfo(sums.dtype).tiny)

    def counts(self, batch: Mapping[str, Any]) -> list[float]:
        """How many pixels the losses are averaged over, which the labels of a batch say alone."""
        names = set(self.taught) & batch.keys()
        return [
            float(task.count(batch[name])) if name in names else 0.0
            for name, task in self.tasks.items()
        ]

    def on_train_start(self) -> None:
        # An epoch may begin with another loader, and a resumed one does not begin for Lightning.
        self.on_train_epoch_start()

    def on_train_epoch_start(self) -> None:
        loader = self.trainer.train_dataloader
        if isinstance(loader, LooksAhead):
            loader.through = StepCounts(self.trainer, self.counts)

    def training_step(self, batch: Batch, index: int) -> Tensor:
        losses = self.losses(self.network(batch["image"]), batch)
        self.last_losses = losses.detach()
        fixed = losses.new_tensor([task.weight for task in self.tasks.values()])
        total = (self.network.affinity.weights.to(losses) * fixed * losses).sum()
        # A loss that is not finite may have a finite gradient. Times NaN no gradient is finite, on
        # any rank, and `SkipFaultySteps` finds it.
        total = total * torch.where(losses.isfinite().all(), 1.0, torch.nan)
        size = len(batch["image"])
        self.log("train/loss", total.detach(), batch_size=size)
        for name, loss in zip(self.tasks, self.last_losses, strict=True):
            if name in self.taught:
                self.log(f"train/{name}/loss", loss, prog_bar=True, batch_size=size)
        return total * scale(batch)

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        gram = self.network.encoder.fork.take()
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
        groups = parameter_groups(self.network.decoders, self.network.encoder)
        optimizer = self.optimizer(groups)
        for group in optimizer.param_groups:
            group["lr"] *= self.encoder_rate if group["name"].startswith("encoder") else 1.0
        steps = self.trainer.estimated_stepping_batches
        if math.isinf(steps):
            raise ValueError(
                "`trainer.max_steps` or `trainer.max_epochs` must say how long to train, found "
                "neither: the learning-rate schedule needs the number of steps."
            )
        schedule = self.schedule(optimizer, int(steps))
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }


def _by_name(tasks: list[Task]) -> dict[str, Task]:
    names = [task.name for task in tasks]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"`tasks` must be one or more tasks of different names, found {names}.")
    return {task.name: task for task in tasks}
