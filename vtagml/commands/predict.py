"""`predict`: on an experiment's own data, or on images of one's own."""

from typing import Annotated

from vtagml.commands.command import Command
from vtagml.commands.keys import ExperimentKey


def predict(*keys: ExperimentKey, images: Annotated[str, "FOLDER|FILE"] | None = None) -> None:
    """Writes pictures and numbers, of an experiment's test split or of --images of one's own.

    They go to runs/NAME/predictions, numbers in a dataset's own format to submission beside it.
    Images of one's own need no config, which is read beside the checkpoint. With them go
    `--ckpt_path`, a checkpoint or a run folder, `--out`, `--data.batch_size`, `--data.workers` and
    `--trainer.accelerator`.

    Args:
        images: A folder of images, or one.

    Example:
        lightning predict --ckpt_path runs/scenes_sdne --images photos
    """
    if images is None:
        from vtagml.commands.experiment import run_experiment

        run_experiment("predict", keys)
    else:
        from vtagml.commands.own_images import own_images

        Command("predict --images", own_images)([images, *keys])
