"""`predict --images`: a folder of one's own images and a checkpoint, no config.

The model, the size of its images and the names of its classes come from the checkpoint and the
config beside it, as for `vtagml.load`, which predicts the same from Python.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import torch
from lightning import Trainer

from datamodules import ImageFolder
from vtagml.callbacks import PredictionWriter, Progress
from vtagml.commands.command import Folder
from vtagml.commands.messages import say
from vtagml.inference.trained import TrainedRun
from vtagml.run_folder import RunFolder, to_json, write_whole

SOURCE = "source.json"


def own_images(
    images: Path,
    *,
    ckpt_path: Annotated[Path, "FILE|RUN", "--ckpt_path"],
    out: Folder | None = None,
    batch_size: Annotated[int, "--data.batch_size"] = 1,
    workers: Annotated[int, "--data.workers"] = 2,
    accelerator: Annotated[str, "--trainer.accelerator"] = "auto",
) -> None:
    """Predicts on a folder of images, or one.

    Args:
        images: The folder, or the file.
        ckpt_path: A checkpoint, or a run folder for its newest.
        out: By default predictions/IMAGES in the run folder.

    Example:
        lightning predict --ckpt_path runs/scenes_sdne --images photos
    """
    run = TrainedRun(ckpt_path)
    name = images.stem if images.is_file() else images.resolve().name
    out = out or RunFolder(run.config.parent).predictions / name
    _check_own(images, out)
    pictures, numbers = out / "pictures", out / "numbers"
    _check_apart(images, (pictures, numbers))
    labels = run.labels
    datamodule = ImageFolder(
        images,
        run.image_size,
        labels,
        batch_size=batch_size,
        workers=workers,
    )
    count = len(datamodule.found.readable)  # what cannot be read is said before the model is built
    trainer = Trainer(
        accelerator=_accelerator(accelerator),
        devices=1,
        logger=False,
        callbacks=[Progress(), PredictionWriter(pictures)],
        enable_checkpointing=False,
        enable_model_summary=False,
        default_root_dir=out,
    )
    model = run.model()
    datamodule.shown = run.views(model.tasks.values())
    write_whole(out / SOURCE, to_json({"images": str(images.resolve())}))
    trainer.predict(model, datamodule=datamodule, return_predictions=False)
    names = {task: labels[task].names for task in model.tasks if task in labels}
    if names:
        write_whole(numbers / "classes.json", to_json(names))
    _say_outcome(count, out, datamodule.left_out)


def _say_outcome(count: int, out: Path, left_out: Mapping[Path, str]) -> None:
    say(f"Predictions for {count} images are in `{out}`.")
    for file, why in left_out.items():
        say(f"Left out: `{file}`, {why}")
    if left_out:
        say(f"Left out: {len(left_out)} of {count + len(left_out)} images.")


def _check_apart(images: Path, folders: Sequence[Path]) -> None:
    for folder in folders:
        if folder.resolve().is_relative_to(images.resolve()):
            raise ValueError(
                f"`--out` must lie outside of `--images`, found `{folder}` in `{images}`: "
                "predictions would be taken for images the next time."
            )


def _check_own(images: Path, out: Path) -> None:
    """What this command wrote says of which images it is; nothing else is written over."""
    if not out.is_dir() or not any(out.iterdir()):
        return
    try:
        earlier = json.loads((out / SOURCE).read_text(encoding="utf-8"))["images"]
    except (OSError, ValueError, KeyError, TypeError):  # none, or another program's file
        earlier = None
    if earlier != str(images.resolve()):
        other = f"those of `{earlier}`" if earlier else f"other things and no `{SOURCE}` of such"
        raise ValueError(
            f"`--out` must be a new or empty folder, or one of earlier predictions of `{images}`, "
            f"found in `{out}` {other}: give another."
        )


def _accelerator(given: str) -> str:
    # Apple's has no float64, which affinities are kept in.
    return "cpu" if given == "auto" and torch.backends.mps.is_available() else given
