"""Trained networks small enough for a test, in memory and as run folders."""

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import Tensor, nn

from vtagml import MultitaskModule
from vtagml.adapters.film import FiLM, over_tokens
from vtagml.adapters.task_embedding import TaskEmbedding
from vtagml.affinity import Fork, Shuffled
from vtagml.decoders import ConvDecoder, PerTask
from vtagml.encoders.encoder import Encoder
from vtagml.inference.trained import STARTS, built
from vtagml.tasks import Depth, Edges, Normals, Segmentation

SIZE = (64, 96)
"""Height and width of the networks' input."""


class Convolutions(Encoder):
    """Four convolutions and a modulation by task: traced in no time."""

    def __init__(self, tasks: tuple[str, ...]) -> None:
        super().__init__(tasks, (4, 4, 4, 4))
        self.fork = Fork(len(tasks))
        sides = (4, 2, 2, 2)
        self.layers = nn.ModuleList(
            nn.Conv2d(4 if level else 3, 4, side, side) for level, side in enumerate(sides)
        )
        self.embedding, self.film = TaskEmbedding(tasks, 4), FiLM(4, 4)

    def forward(self, image: Tensor, omega: Tensor) -> dict[str, list[Tensor]]:
        levels = []
        for layer in self.layers:
            image = layer(image).tanh()
            levels.append(image)
        scale, _ = self.film(self.embedding(omega))
        last = self.fork(levels[-1].movedim(1, -1))
        last = (last * (1 + over_tokens(scale, last))).movedim(-1, 2)
        return {task: [*levels[:-1], last[row]] for row, task in enumerate(self.tasks)}


def awake(module: MultitaskModule) -> MultitaskModule:
    """Moves every parameter that trains away from where it starts, and ω from uniform."""
    for parameter in module.parameters():
        if parameter.requires_grad:
            parameter.data += 0.3 * torch.randn_like(parameter)
    affinity = module.network.affinity
    if "log_weights" in dict(affinity.named_buffers()):
        affinity.log_weights.copy_(torch.randn_like(affinity.log_weights))
    return module.eval()


@pytest.fixture
def module() -> MultitaskModule:
    """Four tasks on convolutions."""
    tasks = [Segmentation(8), Depth(), Normals(), Edges()]
    decoders = lambda outputs, channels: PerTask(outputs, channels, ConvDecoder)  # noqa: E731
    return awake(MultitaskModule(tasks, Convolutions, decoders, Shuffled))


SETTINGS = {
    "model": {
        "class_path": "vtagml.MultitaskModule",
        "init_args": {
            "tasks": [
                {"class_path": "vtagml.tasks.Segmentation", "init_args": {"classes": 8}},
                {"class_path": "vtagml.tasks.Depth"},
                {"class_path": "vtagml.tasks.Normals"},
            ],
            "encoder": {
                "class_path": "vtagml.encoders.VTAGML",
                "init_args": {
                    "backbone": {
                        "class_path": "tests.fakes.backbones.TinySwinV2",
                        "init_args": {"image_size": list(SIZE), "weights": "/gone.safetensors"},
                    },
                    "blocks": [[4, 2]],
                },
            },
            "decoders": {
                "class_path": "vtagml.decoders.PerTask",
                "init_args": {"decoder": {"class_path": "vtagml.decoders.ConvDecoder"}},
            },
            "affinity": {"class_path": "vtagml.affinity.TROA"},
            "compute": {"compile": "inductor"},
        },
    },
    "data": {"class_path": "datamodules.Scenes", "init_args": {"image_size": list(SIZE)}},
}


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder, as `lightning fit` leaves it; not to be changed."""
    return write_run(tmp_path_factory.mktemp("run"), SETTINGS)


def write_run(folder: Path, settings: Mapping[str, Any]) -> Path:
    """Leaves in a folder what a training with these settings would."""
    network = awake(built(MultitaskModule, settings["model"], STARTS))
    (folder / "checkpoints").mkdir(parents=True)
    content = {"state_dict": network.state_dict()}
    torch.save(content, folder / "checkpoints" / "last.ckpt")
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    return folder


def tuned_settings(
    encoder: str, tuning: str, backbone: str = "TinyViT", data: str = "datamodules.Scenes"
) -> dict[str, Any]:
    """`SETTINGS` with two tasks, a tuned backbone, and three images to validate on."""
    settings: dict[str, Any] = deepcopy(SETTINGS)
    settings["model"]["init_args"] |= {
        "tasks": [{"class_path": f"vtagml.tasks.{task}"} for task in ("Depth", "Normals")],
        "encoder": {
            "class_path": f"vtagml.encoders.{encoder}",
            "init_args": {
                "tuning": f"vtagml.tuning.{tuning}",
                "backbone": {
                    "class_path": f"tests.fakes.backbones.{backbone}",
                    "init_args": {"image_size": list(SIZE)},
                },
            },
        },
        "affinity": {"class_path": "vtagml.affinity.Uniform"},
    }
    few = {"cache": None, "val": 3, "batch_size": 2, "workers": 0}
    settings["data"] = {"class_path": data, "init_args": {"image_size": list(SIZE), **few}}
    return settings
