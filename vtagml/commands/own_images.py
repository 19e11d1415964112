"""`predict --images`: a folder of one's own images and a checkpoint, no config.

The model, the size of its images and the names of its classes come from the checkpoint and the
config beside it, as for `vtagml.load`, which predicts the same from Python.
"""

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from lightning import Trainer
from rich import get_console

from datamodules import ImageFolder
from vtagml.callbacks import PredictionWriter, Progress
from vtagml.inference.trained import (
    checkpoint_of,
    config_beside,
    image_size_of,
    labels_of,
    model_of,
    read_config,
    trained,
)
from vtagml.run_folder import to_json, write_whole

SOURCE = "source.json"


def run_images(words: Sequence[str]) -> None:
    """Runs `lightning predict --ckpt_path FILE|RUN --images FOLDER`."""
    options = _options(words)
    path = checkpoint_of(options.ckpt_path)
    checkpoint = trained(path)
    file = config_beside(path)
    config = read_config(file)
    images = Path(options.images)
    name = images.stem if images.is_file() else images.resolve().name
    out = options.out or file.parent / "predictions" / name
    _check_own(out)
    if options.out is None:
        _check_same(images, out)
    pictures, numbers = out / "pictures", out / "numbers"
    _check_apart(images, (pictures, numbers))
    labels = labels_of(config)
    datamodule = ImageFolder(
        images,
        image_size_of(file, config),
        labels,
        batch_size=options.batch_size,
        workers=options.workers,
    )
    count = len(datamodule.found.readable)  # what cannot be read is said before the model is built
    trainer = Trainer(
        accelerator=_accelerator(options.accelerator),
        devices=1,
        logger=False,
        callbacks=[Progress(), PredictionWriter(pictures)],
        enable_checkpointing=False,
        enable_model_summary=False,
        default_root_dir=out,
    )
    model = model_of(config["model"], checkpoint)
    write_whole(out / SOURCE, to_json({"images": str(images.resolve())}))
    trainer.predict(model, datamodule=datamodule, return_predictions=False)
    names = {task: labels[task].names for task in cast(Any, model).tasks if task in labels}
    if names:
        write_whole(numbers / "classes.json", to_json(names))
    _say_outcome(count, out, datamodule.left_out)


def _say_outcome(count: int, out: Path, left_out: Mapping[Path, str]) -> None:
    _say(f"Predictions for {count} images are in `{out}`.")
    for file, why in left_out.items():
        _say(f"Left out: `{file}`, {why}")
    if left_out:
        _say(f"Left out: {len(left_out)} of {count + len(left_out)} images.")


def _say(line: str) -> None:
    get_console().print(line, soft_wrap=True, markup=False, highlight=False)


def _options(words: Sequence[str]) -> Namespace:
    parser = ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--ckpt_path", type=Path)
    parser.add_argument("--images", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--data.batch_size", dest="batch_size", type=int, default=1)
    parser.add_argument("--data.workers", dest="workers", type=int, default=2)
    parser.add_argument("--trainer.accelerator", dest="accelerator", default="auto")
    options, rest = parser.parse_known_args(words)
    if rest:
        raise ValueError(
            f"`{rest[0]}` does not go with `--images`, which takes `--ckpt_path`, `--out`, "
            "`--data.batch_size`, `--data.workers` and `--trainer.accelerator`: the config is the "
            "one in the checkpoint's run folder."
        )
    if options.ckpt_path in (None, Path("last")):  # whose last one a config would say
        raise ValueError(
            "`--images` needs `--ckpt_path`, the run folder of a training or one of its "
            f"checkpoints, found {options.ckpt_path or 'none'}: give runs/NAME, or "
            "runs/NAME/checkpoints/last.ckpt."
        )
    return options


def _check_apart(images: Path, folders: Sequence[Path]) -> None:
    for folder in folders:
        if folder.resolve().is_relative_to(images.resolve()):
            raise ValueError(
                f"`--out` must lie outside of `--images`, found `{folder}` in `{images}`: "
                "predictions would be taken for images the next time."
            )


def _check_own(out: Path) -> None:
    """What this command wrote says so by a file; nothing else is written over."""
    if out.is_dir() and any(out.iterdir()) and _earlier(out) is None:
        raise ValueError(
            f"`--out` must be a new or empty folder, or one of earlier predictions, found other "
            f"things in `{out}` and no `{SOURCE}` of such: give another."
        )


def _earlier(out: Path) -> str | None:
    """Returns which images the predictions in a folder are of, None if it has none."""
    try:
        return str(json.loads((out / SOURCE).read_text(encoding="utf-8"))["images"])
    except (OSError, ValueError, KeyError, TypeError):  # none, or another program's file
        return None


def _check_same(images: Path, out: Path) -> None:
    """Folders of one name have one place by default, where the later would mix with the earlier."""
    earlier = _earlier(out)
    if earlier not in (None, str(images.resolve())):
        raise ValueError(
            f"`--images` must be `{earlier}` for its predictions to go to `{out}`, where those of "
            f"that folder are, found `{images}`: give another `--out`, or remove `{out}`."
        )


def _accelerator(given: str) -> str:
    # Apple's has no float64, which affinities are kept in.
    return "cpu" if given == "auto" and torch.backends.mps.is_available() else given
