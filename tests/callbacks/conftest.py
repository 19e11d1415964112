"""A small module with the attributes that callbacks rely on, its data, and one whole run of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, LightningDataModule, LightningModule, Trainer
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from torch import Tensor, nn
from torch.utils.data import DataLoader

from vtagml.affinity import Gram, Uniform
from vtagml.callbacks import (
    AffinityHeatmap,
    GradientConflicts,
    ParameterTable,
    PredictionGrid,
    Progress,
    Results,
    SaveBackbone,
    Throughput,
)
from vtagml.decoders import LossOfMaps
from vtagml.evaluation import Evaluation
from vtagml.module import MultitaskModule
from vtagml.network import MultitaskNetwork
from vtagml.objectives import SumOfTasks
from vtagml.tasks import Depth, Segmentation, Task

SIZE, CLASSES, BATCH = 16, 3, 4
TRAIN, TEST = 16, 8
STEPS = 4  # One epoch.


class ToyBackbone(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.architecture, self.weights = "toy_net", None
        self.model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
        self.requires_grad_(False)


class ToyEncoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.backbone = ToyBackbone()
        self.adapter = nn.Conv2d(4, 4, 1)

    def forward(self, image: Tensor) -> Tensor:
        return self.adapter(self.backbone.model(image))


class ToyNetwork(MultitaskNetwork):
    def __init__(self, tasks: dict[str, Task]) -> None:
        nn.Module.__init__(self)  # none of the rooms that the other would build
        self.encoder = ToyEncoder()
        self.decoders = nn.ModuleDict(
            {name: nn.Conv2d(4, task.channels, 1) for name, task in tasks.items()}
        )
        self.affinity = Uniform(tuple(tasks))

    def forward(
        self,
        image: Tensor,
        omega: Tensor | None = None,
        losses: Mapping[str, LossOfMaps] | None = None,
    ) -> dict[str, Tensor]:
        features = self.encoder(image)
        maps = {name: decoder(features) for name, decoder in self.decoders.items()}
        return maps if losses is None else {name: of(maps) for name, of in losses.items()}


class ToyModule(MultitaskModule):
    def __init__(self, tasks: Sequence[Task] | None = None, seed: int = 0) -> None:
        LightningModule.__init__(self)  # none of the network that the other would build
        torch.manual_seed(seed)
        self.tasks = {task.name: task for task in tasks or (Segmentation(CLASSES), Depth())}
        self.network = ToyNetwork(self.tasks)
        self.scores = nn.ModuleDict({name: task.metrics() for name, task in self.tasks.items()})

        self.evaluation = Evaluation(self.tasks)
        self.objective = SumOfTasks(self.tasks)

    def setup(self, stage: str) -> None:
        pass

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        pass

    def training_step(self, batch: dict[str, Any], index: int) -> Tensor:
        total = torch.zeros(())
        for name, map in self.network(batch["image"]).items():
            loss, count = self.tasks[name].loss(map, batch[name])
            self.log(f"train/{name}/loss", loss.detach() / count, prog_bar=True)
            total = total + loss / count
        self.log("train/loss", total.detach())
        # One observation per step; the tasks' gradients always point against each other.
        products = torch.tensor([[[1.0, -0.5], [-0.5, 1.0]]], dtype=torch.float64)
        self.network.affinity.observe(Gram.of(products))
        return total

    def _evaluate(self, batch: dict[str, Any]) -> dict[str, dict[str, Tensor]]:
        maps = self.network(batch["image"])
        predictions = {name: self.tasks[name].predict(map) for name, map in maps.items()}
        for name, prediction in predictions.items():
            self.scores[name].update(prediction, batch[name])
        return {"predictions": predictions}

    def _log(self, stage: str) -> None:
        for name, metrics in self.scores.items():
            for key, value in metrics.compute().items():
                self.log(f"{stage}/{name}/{key}", value)
            metrics.reset()

    def validation_step(self, batch: dict[str, Any], index: int) -> dict[str, dict[str, Tensor]]:
        return self._evaluate(batch)

    def test_step(self, batch: dict[str, Any], index: int) -> dict[str, dict[str, Tensor]]:
        return self._evaluate(batch)

    def on_validation_epoch_end(self) -> None:
        self._log("val")

    def on_test_epoch_end(self) -> None:
        self._log("test")

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD([p for p in self.parameters() if p.requires_grad], lr=0.01)


def sample(index: int) -> dict[str, Any]:
    """Depth is 2 m everywhere in training samples and 3 m from sample 100 on; class 1 likewise."""
    generator = torch.Generator().manual_seed(index)
    segmentation = torch.ones(SIZE, SIZE, dtype=torch.int64)
    segmentation[:, 0] = 0
    return {
        "image": torch.rand(3, SIZE, SIZE, generator=generator),
        "segmentation": segmentation,
        "depth": torch.full((1, SIZE, SIZE), 3.0 if index >= 100 else 2.0),
    }


class ToyData(LightningDataModule):
    def __init__(self, seed: int = 7) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.stages: list[str] = []
        self.labels: dict[str, Any] = {}

    def setup(self, stage: str) -> None:
        self.stages.append(stage)

    def train_dataloader(self) -> DataLoader[Any]:
        if "fit" not in self.stages:
            raise RuntimeError("setup('fit') was not called")
        return DataLoader([sample(index) for index in range(TRAIN)], batch_size=BATCH)

    def val_dataloader(self) -> DataLoader[Any]:
        return self.test_dataloader()

    def test_dataloader(self) -> DataLoader[Any]:
        return DataLoader([sample(100 + index) for index in range(TEST)], batch_size=BATCH)


def every_callback() -> list[Callback]:
    return [
        AffinityHeatmap(every=2),
        GradientConflicts(every=2),
        ParameterTable(),
        PredictionGrid(samples=2),
        Progress(every=2),
        Results(prior_batches=2),
        SaveBackbone("backbone.safetensors"),
        Throughput(every=2, warmup=1),
    ]


def make_trainer(folder: Path, callbacks: list[Callback], **settings: Any) -> Trainer:
    usual: dict[str, Any] = {
        "max_epochs": 1,
        "accelerator": "cpu",
        "logger": False,
        "enable_checkpointing": False,
        "enable_model_summary": False,
        "enable_progress_bar": any(isinstance(each, Progress) for each in callbacks),
        "log_every_n_steps": 1,
        "num_sanity_val_steps": 1,
    }
    return Trainer(default_root_dir=folder, callbacks=callbacks, **(usual | settings))


class Toy:
    """What tests need of this file, which they cannot import."""

    Module, Data, Callbacks = ToyModule, ToyData, staticmethod(every_callback)
    trainer = staticmethod(make_trainer)
    sample = staticmethod(sample)
    SIZE, CLASSES, BATCH, TRAIN, TEST, STEPS = SIZE, CLASSES, BATCH, TRAIN, TEST, STEPS


@pytest.fixture
def toy() -> type[Toy]:
    return Toy


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that was trained and tested with every callback and two loggers."""
    folder = tmp_path_factory.mktemp("run")
    loggers = [CSVLogger(folder, name="csv"), TensorBoardLogger(folder, name="tensorboard")]
    trainer = make_trainer(folder, every_callback(), logger=loggers)
    module, data = ToyModule(), ToyData()
    trainer.fit(module, data)
    trainer.test(module, data, verbose=False)
    return folder
