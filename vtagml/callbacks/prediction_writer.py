"""Keeps what `lightning predict` finds: numbers to work with, pictures to look at."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import numpy as np
from lightning import Callback, LightningModule, Trainer
from PIL import Image
from torch import Tensor

from vtagml.callbacks.kept_files import folder_of, is_trial
from vtagml.data import FileFormat, data_of
from vtagml.multitask import multitask
from vtagml.run_folder import RunFolder, write_whole


class PredictionWriter(Callback):
    """Writes pictures, and numbers in the dataset's own format or as `.npz`.

    `predictions/<name>_<task>.png` are the pictures. Numbers of the tasks that the dataset has a
    file format for go to `submission/` beside it, those of all others to
    `predictions/<name>.npz`: arrays in the units of the labels, class ids, metres, unit normals,
    edges in [0, 1], channels first. A folder in a sample's name becomes a folder; a name that leads
    out of the folder for predictions is an error, and so are two samples of one name. Every rank
    writes its own samples.

    Args:
        folder: For the pictures; by default `predictions` in the run's folder.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        self.folder = None if folder is None else Path(folder)
        self.written: dict[str, Path] = {}  # where this rank's pictures and numbers went
        self._files: set[Path] = set()

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._files = set()

    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if is_trial(trainer):
            return
        folder = self.folder or folder_of(trainer).predictions
        form = data_of(trainer).prediction_format
        tasks = multitask(pl_module).tasks
        if form is not None and trainer.is_global_zero:
            RunFolder(folder.parent).claim(form.folder)
        for index, name in enumerate(outputs["name"]):
            predictions = {task: outputs[task][index].cpu() for task in tasks}
            file = inside(folder, name)
            for task, prediction in predictions.items():
                picture = tasks[task].picture(prediction[None])[0]
                write_whole(self._new(file.with_name(f"{file.name}_{task}.png")), png(picture))
            numbers = write_numbers(folder, form, name, predictions)
            self.written = {"pictures": folder, **numbers}

    def _new(self, file: Path) -> Path:
        """Returns a file that no other sample has had."""
        if file in self._files:
            raise ValueError(
                f"`name` of a sample must be its own, found two whose predictions go to `{file}`: "
                "rename one of them in the DataModule."
            )
        self._files.add(file)
        return file


def inside(folder: Path, name: str) -> Path:
    """Returns the file of a name, which may have folders in it, below a folder and nowhere else."""
    file = folder / name
    plain = not (set("\\\0") & set(name) or {"", ".", ".."} & set(name.split("/")))
    # A link on the way may lead anywhere; in the file's own place a link is replaced.
    if plain and file.parent.resolve().is_relative_to(folder.resolve()):
        return file
    raise ValueError(
        f"`name` of a sample must be a relative path with `/` that stays in its folder, found "
        f"{name!r}, which would not be below `{folder}`: rename it in the DataModule."
    )


def write_numbers(
    folder: Path, form: FileFormat | None, name: str, predictions: Mapping[str, Tensor]
) -> dict[str, Path]:
    """Writes one sample's predictions, in a format where there is one; returns the folders.

    Args:
        folder: For what no format has a file for.
        form: The dataset's format, whose own folder is beside `folder`; None if it has none.
        name: The sample.
        predictions: By task.
    """
    numbers = {task: prediction.numpy() for task, prediction in predictions.items()}
    written = {}
    if form is not None:
        for task in [task for task in numbers if task in form.tasks]:
            written["numbers"] = inside(folder.parent, form.folder)
            inside(written["numbers"], name)
            form.write(written["numbers"], name, task, numbers.pop(task))
    if numbers:
        written["arrays"] = folder
        file = inside(folder, name)
        write_whole(file.with_name(f"{file.name}.npz"), compressed(numbers))
    return written


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
