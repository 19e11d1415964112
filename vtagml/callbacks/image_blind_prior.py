"""The result that every model has to beat: the best prediction that never looks at the image."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

from lightning import Trainer
from torch import Tensor

from vtagml.checkpoints.random_states import of_all_ranks
from vtagml.native_size import nearest
from vtagml.tasks import Task


class ImageBlindPrior:
    """Scores a prediction per task that was learned from labels alone, on the test's own batches.

    It is scored where the network's are: brought to the size of each label, the nearest pixel.

    Args:
        predictions: Of every task, without batch axis.
        tasks: The tasks by name.
    """

    def __init__(self, predictions: Mapping[str, Tensor], tasks: Mapping[str, Task]) -> None:
        self.predictions = dict(predictions)
        self.metrics = {name: tasks[name].metrics() for name in predictions}
        self._scored: set[str] = set()

    def update(self, batch: Mapping[str, Any]) -> None:
        """Scores the predictions on the labels of one batch."""
        for name, metrics in self.metrics.items():
            if name not in batch:
                continue
            labels = batch[name]  # at the network's size, or each at its own
            for target in (
                [labels] if isinstance(labels, Tensor) else [label[None] for label in labels]
            ):
                self.predictions[name] = self.predictions[name].to(target.device)
                prediction = nearest(self.predictions[name], target.shape[-2:])
                metrics.to(target.device).update(prediction.expand_as(target), target)
            self._scored.add(name)

    def compute(self) -> dict[str, dict[str, float]]:
        """Returns all metrics of all tasks that had labels, over all ranks."""
        # A rank without labels of a task must still meet the others in its metrics.
        scored = set().union(*of_all_ranks(self._scored))
        return {
            name: {key: float(value) for key, value in metrics.compute().items()}
            for name, metrics in self.metrics.items()
            if name in scored
        }


def learn_predictions(
    trainer: Trainer, tasks: Mapping[str, Task], batches: int
) -> dict[str, Tensor]:
    """Learns the image-blind prediction of every task from the first training batches.

    Returns nothing without a datamodule and on ranks other than zero, which has to give it to
    them so that all score the same; leaves out tasks without labels in the training data.
    """
    datamodule: Any = getattr(trainer, "datamodule", None)
    if datamodule is None:
        return {}
    # A test alone has not prepared the training data. Every rank does, as Lightning would.
    datamodule.setup("fit")
    if not trainer.is_global_zero:
        return {}
    priors = {name: task.prior() for name, task in tasks.items()}
    labelled: set[str] = set()
    for raw in islice(datamodule.train_dataloader(), batches):
        batch = trainer.strategy.batch_to_device(raw)
        for name in priors.keys() & batch.keys():
            priors[name].update(batch[name])
            if tasks[name].count(batch[name]) > 0:
                labelled.add(name)
    return {name: priors[name].compute().cpu() for name in tasks if name in labelled}
