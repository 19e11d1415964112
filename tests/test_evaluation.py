"""What is scored: predictions where the labels are."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import jaccard_score
from torch import Tensor, nn

from vtagml.evaluation import Evaluation
from vtagml.native_size import nearest
from vtagml.tasks import Classification, Depth, Edges, Normals, Segmentation, Task
from vtagml.views import Views

SIZES = ((40, 61), (33, 80))
CLASSES = 4


def tasks() -> dict[str, Task]:
    every = [Segmentation(CLASSES), Depth(), Normals(), Edges(), Classification("kind", 3)]
    return {task.name: task for task in every}


class Maps(nn.Module):
    """A network of a single layer, the same in every test."""

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        maps = {}
        for index, task in enumerate(tasks().values()):
            random = torch.Generator().manual_seed(index)
            weights = torch.randn(task.channels, 3, generator=random)
            maps[task.name] = torch.einsum("cr,brhw->bchw", weights, image - 0.5)
        return maps | {"kind": maps["kind"].mean(dim=(-2, -1))}


def label(task: Task, size: tuple[int, int], random: torch.Generator) -> Tensor:
    if task.name == "kind":
        return torch.randint(0, 3, (), generator=random)
    if task.name == "segmentation":
        ids = torch.randint(0, CLASSES, size, generator=random)
        ids[:3] = 255
        return ids
    values = torch.randn(task.channels, *size, generator=random)
    values = values / values.norm(dim=0) if task.channels == 3 else values.abs() + 0.1
    values[..., -2:] = torch.nan
    return values


def native_batch() -> dict[str, Any]:
    random = torch.Generator().manual_seed(9)
    image = torch.rand(2, 3, 32, 64, generator=random)
    labels = {name: [label(task, size, random) for size in SIZES] for name, task in tasks().items()}
    return {"image": image, "name": ["a", "b"], "size": torch.tensor(SIZES), **labels}


def scores(batch: Mapping[str, Any], evaluation: Evaluation | None = None) -> dict[str, float]:
    evaluation = evaluation or Evaluation(tasks())
    evaluation.score(Maps(), batch, "test")
    return {key: float(value) for key, value in evaluation.results("test").items()}


@pytest.mark.parametrize("views", [Views(), Views(flip=True, scales=[1.0, 0.5])])
def test_what_is_scored_is_what_is_written(views: Views) -> None:
    """Every metric of `score` follows from the predictions of `predict`, image by image."""
    batch, evaluation = native_batch(), Evaluation(tasks())
    evaluation.views = views
    written = evaluation.predict(Maps(), batch)
    found = scores(batch, evaluation)
    for name, task in tasks().items():
        metrics = task.metrics()
        for prediction, truth, size in zip(written[name], batch[name], SIZES, strict=True):
            assert prediction.shape[-2:] == (size if prediction.ndim else ())
            metrics.update(prediction[None], truth[None])
        for key, value in metrics.compute().items():
            assert found[f"test/{name}/{key}"] == float(value), (name, key)


def test_metrics_are_those_of_all_pixels_on_disk() -> None:
    """An independent mIoU and RMSE, by scikit-learn and NumPy."""
    batch = native_batch()
    written, found = Evaluation(tasks()).predict(Maps(), batch), scores(native_batch())
    truth, called = (
        np.concatenate([each.numpy().ravel() for each in values["segmentation"]])
        for values in (batch, written)
    )
    known = truth != 255
    expected = jaccard_score(truth[known], called[known], average="macro")
    assert found["test/segmentation/miou"] == pytest.approx(expected, abs=1e-6)
    errors = np.concatenate(
        [(a - b).numpy().ravel() for a, b in zip(written["depth"], batch["depth"], strict=True)]
    )
    assert found["test/depth/rmse"] == pytest.approx(np.sqrt(np.nanmean(errors**2)), rel=1e-6)


def test_at_the_networks_size_a_batch_is_scored_at_once() -> None:
    batch = native_batch()
    size = batch["image"].shape[-2:]
    at_network = {
        key: torch.stack([nearest(label, size) for label in value])
        if isinstance(value, list) and key != "name"
        else value
        for key, value in batch.items()
        if key != "size"
    }
    found = scores(at_network)
    for name, task in tasks().items():
        metrics = task.metrics()
        metrics.update(task.predict(Maps()(batch["image"])[name]), at_network[name])
        for key, value in metrics.compute().items():
            assert found[f"test/{name}/{key}"] == float(value), (name, key)
    # Where the labels on disk have the network's size, both ways are one.
    alone = at_network | {"size": torch.tensor([list(size)] * 2)}
    alone |= {name: list(at_network[name]) for name in tasks()}
    assert scores(alone) == pytest.approx(found, rel=1e-9)


def test_pictures_have_the_networks_size_and_the_scored_pixels() -> None:
    batch, evaluation = native_batch(), Evaluation(tasks())
    seen = evaluation.score(Maps(), batch, "val")
    written = evaluation.predict(Maps(), batch)
    for name in tasks():
        for picture, prediction in zip(seen[name], written[name], strict=True):
            assert torch.equal(picture, nearest(prediction, (32, 64)))


def test_tasks_without_labels_are_seen_and_not_scored() -> None:
    batch = native_batch()
    del batch["depth"]
    evaluation = Evaluation(tasks())
    assert evaluation.score(Maps(), batch, "val")["depth"].shape == (2, 1, 32, 64)
    metrics = evaluation.metrics["val"]["depth"]["rmse"]  # type: ignore[index]
    assert not metrics.counts.any()


def test_stages_are_apart_and_start_anew() -> None:
    evaluation, batch = Evaluation(tasks()), native_batch()
    evaluation.score(Maps(), batch, "val")
    assert not evaluation.metrics["test"]["depth"]["rmse"].counts.any()  # type: ignore[index]
    first = evaluation.results("val")
    evaluation.score(Maps(), batch, "val")
    assert evaluation.results("val") == first
