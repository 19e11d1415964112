"""What is scored and written: predictions at the size of the labels, metrics over a split."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import torch
from lightning.pytorch.utilities.rank_zero import rank_zero_only
from rich import get_console
from torch import Tensor, nn
from torchmetrics import MetricCollection

from vtagml.native_size import at_native_size, nearest, predicted
from vtagml.tasks import Task
from vtagml.tasks.labels import Labels
from vtagml.views import Views

STAGES = ("val", "test")


class Evaluation(nn.Module):
    """Makes predictions of a network's maps, and scores them where the labels are.

    A batch whose labels are at the size on disk has them in lists, and `size`: predictions are then
    brought to that size, by the same code and on the same device as those that are written to
    files, and are scored one image after the other. Other labels have the network's size.

    Args:
        tasks: What the maps mean.

    Attributes:
        views: How often each image is seen.
        metrics: Of every stage and task.
    """

    def __init__(self, tasks: Mapping[str, Task]) -> None:
        super().__init__()
        self.tasks = dict(tasks)
        self.views = Views()
        self.metrics = nn.ModuleDict()
        self.renew()

    def renew(self) -> None:
        """Makes fresh metrics, as for tasks that have other classes than before."""
        for stage in STAGES:
            fresh = {name: task.metrics() for name, task in self.tasks.items()}
            self.metrics[stage] = nn.ModuleDict(fresh)

    def bind(self, labels: Mapping[str, Labels]) -> None:
        """Takes over what the data call the classes, and says where these are not the model's."""
        for name, task in self.tasks.items():
            task.bind(labels)
            if task.class_map is not None:
                _say(f"{name}: {task.class_map}.")
        self.renew()

    def predict(self, network: nn.Module, batch: Mapping[str, Any]) -> dict[str, Any]:
        """Predicts at the sizes on disk, on the CPU, where the batch has them."""
        maps = self.views.maps(network, batch["image"], self.tasks)
        if "size" not in batch:
            return {name: self._whole(task, maps, batch) for name, task in self.tasks.items()}
        return {
            name: [prediction.cpu() for prediction in at_native_size(task, maps[name], batch)]
            for name, task in self.tasks.items()
        }

    def score(self, network: nn.Module, batch: Mapping[str, Any], stage: str) -> dict[str, Tensor]:
        """Updates the metrics of a stage; returns predictions at the network's size, to be seen."""
        maps = self.views.maps(network, batch["image"], self.tasks)
        seen = {}
        for name, task in self.tasks.items():
            metrics = self._metrics(stage, name)
            labels = batch.get(name)
            if isinstance(labels, Sequence):
                sized = at_native_size(task, maps[name], batch)
                seen[name] = _scored(metrics, sized, labels, batch["image"].shape[-2:])
                continue
            seen[name] = self._whole(task, maps, batch)
            if labels is not None:
                metrics.update(seen[name], labels)
        return seen

    def results(self, stage: str) -> dict[str, Tensor]:
        """All metrics of a stage over all ranks, as `stage/task/metric`; they start anew."""
        results: dict[str, Tensor] = {}
        for name in self.tasks:
            metrics = self._metrics(stage, name)
            values = metrics.compute()
            metrics.reset()
            results |= {f"{stage}/{name}/{key}": value for key, value in values.items()}
        return results

    def _whole(
        self, task: Task, maps: Mapping[str, Sequence[Tensor]], batch: Mapping[str, Any]
    ) -> Tensor:
        """The predictions of a batch at the network's size."""
        own, size = maps[task.name], tuple(batch["image"].shape[-2:])
        if len(own) == 1 and own[0].shape[2:] in ((), size):
            return task.predict(own[0])
        return torch.stack([predicted(task, views, size) for views in zip(*own, strict=True)])

    def _metrics(self, stage: str, task: str) -> MetricCollection:
        return cast(MetricCollection, cast(nn.ModuleDict, self.metrics[stage])[task])


@rank_zero_only
def _say(line: str) -> None:
    get_console().print(line, soft_wrap=True, markup=False, highlight=False)


def _scored(
    metrics: MetricCollection, predictions: Iterator[Tensor], labels: Sequence[Tensor], size: Any
) -> Tensor:
    """Scores one image after the other, of which no more than one is held at its size."""
    seen = []
    for prediction, label in zip(predictions, labels, strict=True):
        metrics.update(prediction[None], label[None])
        seen.append(nearest(prediction, size))
    return torch.stack(seen)
