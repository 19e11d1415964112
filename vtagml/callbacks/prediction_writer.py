"""Keeps what `lightning predict` finds: numbers to work with, pictures to look at."""

from pathlib import Path
from typing import Any

import numpy as np
from lightning import Callback, LightningModule, Trainer

from vtagml.callbacks.kept_files import folder_of, is_trial
from vtagml.data import data_of
from vtagml.inference.prediction import Prediction
from vtagml.multitask import multitask
from vtagml.run_folder import RunFolder, whole_file


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
            file, written = inside(folder, name), {"pictures": folder}
            for task in tasks:
                picture = Prediction(predictions, tasks).picture(task)
                with whole_file(self._new(file.with_name(f"{file.name}_{task}.png"))) as opened:
                    picture.save(opened, format="png")
            arrays: dict[str, Any] = {}
            for task, prediction in predictions.items():
                if form is not None and task in form.tasks:
                    written["numbers"] = inside(folder.parent, form.folder)
                    inside(written["numbers"], name)
                    form.write(written["numbers"], name, task, prediction.numpy())
                else:
                    arrays[task] = prediction.numpy()
            if arrays:
                written["arrays"] = folder
                with whole_file(file.with_name(f"{file.name}.npz")) as opened:
                    np.savez_compressed(opened, **arrays)
            self.written = written

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
