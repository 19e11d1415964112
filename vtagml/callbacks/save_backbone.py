"""Writes the trained backbone as a file of weights that other runs start from."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any, Literal

import torch
from lightning import Callback, LightningModule, Trainer
from safetensors.torch import save

from vtagml.backbone.weights import grid_of
from vtagml.callbacks.kept_files import keep
from vtagml.callbacks.provenance import command, commit
from vtagml.encoders import Shared, Tuned
from vtagml.multitask import multitask
from vtagml.narrowing import narrowed
from vtagml.run_folder import plain


class SaveBackbone(Callback):
    """Saves the timm network of `network.encoder.backbone` as safetensors when training ends.

    What LoRA has learned is merged into it.

    The file's metadata say which architecture it is, what it scored, and which command and commit
    made it. A failure is an error: the file is what such a run is for.

    Args:
        path: The file, relative to the run's folder unless absolute.
        dtype: Precision of the floating-point weights.
    """

    def __init__(
        self, path: str, dtype: Literal["float16", "bfloat16", "float32"] = "float16"
    ) -> None:
        self.path = path
        self.dtype: torch.dtype = getattr(torch, dtype)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        encoder = multitask(pl_module).network.encoder
        one = isinstance(encoder, Shared) and encoder.tuning.merges
        if isinstance(encoder, Tuned) and not one:
            raise ValueError(
                "`SaveBackbone` saves the weights of one backbone that all tasks share, tuned by "
                f"what can be merged into it, found {type(encoder).__name__} with "
                f"{type(encoder.tuning).__name__}: leave it out, and write what trained with "
                "`lightning export`."
            )

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        encoder = deepcopy(multitask(pl_module).network.encoder)
        if isinstance(encoder, Shared):
            encoder.merge()  # on all ranks: experts whose routers have not faded are an error
        if not trainer.is_global_zero:
            return
        backbone: Any = encoder.backbone
        weights = {
            name: narrowed(name, value, self.dtype)
            for name, value in backbone.model.state_dict().items()
        }
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        described = {
            "architecture": str(backbone.architecture),
            "metrics": json.dumps(plain(metrics)),
            "command": command(),
            "commit": json.dumps(commit(Path.cwd())),
            "steps": str(trainer.global_step),
            **grid_of(backbone.model),
        }
        keep(trainer, self.path, save(weights, metadata=described))
