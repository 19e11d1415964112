"""Keeps what `lightning predict` finds: numbers to work with, pictures to look at."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any, cast

import numpy as np
from lightning import Callback, LightningModule, Trainer
from PIL import Image
from torch import Tensor

from vtagml.callbacks.run_folder import keep
from vtagml.tasks import Task


class PredictionWriter(Callback):
    """Writes `predictions/<name>.npz` and `predictions/<name>_<task>.png` in the run's folder.

    The arrays are in the units of the labels: class ids, metres, unit normals, edges in [0, 1],
    channels first. A folder in a sample's name becomes part of the file's name. Every rank writes
    its own samples.
    """

    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        tasks = cast(Mapping[str, Task], pl_module.tasks)
        pictures = {name: task.picture(outputs[name]) for name, task in tasks.items()}
        for index, sample in enumerate(outputs["name"]):
            stem = f"predictions/{sample.replace('/', '__')}"
            numbers = {name: outputs[name][index].cpu().numpy() for name in tasks}
            keep(trainer, f"{stem}.npz", compressed(numbers))
            for name, picture in pictures.items():
                keep(trainer, f"{stem}_{name}.png", png(picture[index]))


def compressed(numbers: Mapping[str, np.ndarray]) -> bytes:
    """Returns the arrays as the content of an `.npz` file."""
    file = BytesIO()
    np.savez_compressed(file, **cast(dict[str, Any], dict(numbers)))
    return file.getvalue()


def png(picture: Tensor) -> bytes:
    """Returns an RGB picture with values in [0, 1], channels first, as the content of a file."""
    pixels = (picture.clamp(0, 1) * 255).round().byte().cpu().permute(1, 2, 0).numpy()
    file = BytesIO()
    Image.fromarray(pixels).save(file, format="png")
    return file.getvalue()
