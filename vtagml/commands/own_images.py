"""`predict --images`: a folder of one's own images and a checkpoint, no config.

The config that a checkpoint was trained with is in its run folder, and is read from there. Of it
the model is taken, the size of the images and the names of the classes; where and on what it was
trained is of no matter.
"""

import warnings
from argparse import ArgumentError, ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
import yaml
from lightning import LightningDataModule, LightningModule, Trainer
from rich import get_console

from datamodules import ImageFolder
from datamodules.image_folder import photos
from datamodules.labels import Labels
from vtagml.affinity import Affinity
from vtagml.backbone import Backbone
from vtagml.callbacks import PredictionWriter, Progress
from vtagml.callbacks.run_folder import to_json, write_whole
from vtagml.checkpoints import read_checkpoint
from vtagml.commands.building import built

CONFIG = "config.yaml"
# Arguments that say where a training starts: what they name is in the checkpoint, and may be gone.
STARTS: Mapping[type, str] = {Backbone: "weights", Affinity: "initial"}


def asks_for_images(words: Sequence[str]) -> bool:
    """Whether the words of `predict` are about a folder of images."""
    return any(word.partition("=")[0] == "--images" for word in words)


def run_images(words: Sequence[str]) -> None:
    """Runs `lightning predict --ckpt_path FILE --images FOLDER`."""
    options = _options(words)
    checkpoint = trained(options.ckpt_path)
    file = config_beside(options.ckpt_path)
    config = _read(file)
    images = Path(options.images)
    count = len(photos(images))  # an empty folder is said before the model is built
    out = options.out or file.parent / "predictions" / images.resolve().name
    pictures, numbers = out / "pictures", out / "numbers"
    _check_apart(images, (pictures, numbers))
    labels = labels_of(config)
    datamodule = ImageFolder(
        images,
        _image_size(file, config),
        labels,
        batch_size=options.batch_size,
        workers=options.workers,
    )
    trainer = Trainer(
        accelerator=_accelerator(options.accelerator),
        devices=1,
        logger=False,
        callbacks=[Progress(), PredictionWriter(pictures)],
        enable_checkpointing=False,
        enable_model_summary=False,
        default_root_dir=out,
    )
    model = built(LightningModule, without_starts(config["model"]))
    # Not by the Trainer, which would ask for the callbacks of the training.
    model.on_load_checkpoint(checkpoint)
    model.load_state_dict(checkpoint["state_dict"])
    trainer.predict(model, datamodule=datamodule, return_predictions=False)
    names = {task: labels[task].names for task in model.tasks if task in labels}
    if names:
        write_whole(numbers / "classes.json", to_json(names))
    get_console().print(f"Predictions for {count} images are in `{out}`.", soft_wrap=True)


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
    if options.ckpt_path is None:
        raise ValueError(
            "`--images` needs `--ckpt_path`, the checkpoint of a training, found none: give "
            "runs/NAME/checkpoints/last.ckpt."
        )
    return options


def trained(path: Path) -> dict[str, Any]:
    """Returns the content of a checkpoint if it is one of `lightning fit`."""
    content = read_checkpoint(path)
    if not isinstance(content.get("state_dict"), Mapping):
        raise ValueError(
            f"`--ckpt_path` must be a checkpoint of `lightning fit`, found in `{path}` a file with "
            f"the keys {sorted(map(str, content))[:5]}. Give runs/NAME/checkpoints/last.ckpt."
        )
    return content


def config_beside(checkpoint: Path) -> Path:
    """Returns the config that was kept when the checkpoint was trained."""
    folders = (checkpoint.resolve().parent.parent, checkpoint.resolve().parent)
    files = [folder / CONFIG for folder in folders]
    for file in files:
        if file.is_file():
            return file
    raise FileNotFoundError(
        f"`{CONFIG}` of the training must be in the checkpoint's run folder, found neither "
        f"`{files[0]}` nor `{files[1]}`. Keep the two together, or copy the experiment's YAML "
        f"there as `{CONFIG}`."
    )


def _read(file: Path) -> dict[str, Any]:
    try:
        config = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        config = str(error).splitlines()[0]
    if not isinstance(config, dict) or not {"model", "data"} <= config.keys():
        found = list(config) if isinstance(config, dict) else repr(config)
        raise ValueError(f"`{file}` must be a config with `model` and `data`, found {found}.")
    return config


def _image_size(file: Path, config: Mapping[str, Any]) -> tuple[int, int]:
    settings = config["data"].get("init_args") or {}
    if "target" in settings:  # data of two domains: the one that the model is wanted for
        settings = settings["target"].get("init_args") or {}
    size = settings.get("image_size")
    if not isinstance(size, list) or len(size) != 2:
        raise ValueError(
            f"`data.init_args.image_size` in `{file}` must be the height and width that the model "
            f"was trained with, found {size}. Write them there."
        )
    return int(size[0]), int(size[1])


def labels_of(config: Mapping[str, Any]) -> dict[str, Labels]:
    """Returns names and colours of the classes of the data that a model was trained on.

    The DataModule knows them without its files. Pictures can do without, as when it read a list
    that is gone.
    """
    try:
        return dict(built(LightningDataModule, config["data"]).labels)
    except (ArgumentError, OSError, ValueError, AttributeError, ImportError) as error:
        warnings.warn(
            f"The names and colours of the training's classes are not to be had, so classes are "
            f"numbered. {type(error).__name__}: {error}",
            stacklevel=2,
        )
        return {}


def without_starts(settings: Any) -> Any:
    """Returns settings of nested classes without the files that a training started from."""
    if isinstance(settings, list):
        return [without_starts(each) for each in settings]
    if not isinstance(settings, dict):
        return settings
    kept = {key: without_starts(each) for key, each in settings.items()}
    start = _start(kept.get("class_path"))
    if start in (kept.get("init_args") or {}):
        kept["init_args"][start] = None
    return kept


def _start(class_path: Any) -> str | None:
    module, _, name = str(class_path).rpartition(".")
    if not module:
        return None
    try:
        found = getattr(import_module(module), name, None)
    except ImportError:
        return None
    starts = (
        key for kind, key in STARTS.items() if isinstance(found, type) and issubclass(found, kind)
    )
    return next(starts, None)


def _check_apart(images: Path, folders: Sequence[Path]) -> None:
    for folder in folders:
        if folder.resolve().is_relative_to(images.resolve()):
            raise ValueError(
                f"`--out` must lie outside of `--images`, found `{folder}` in `{images}`: "
                "predictions would be taken for images the next time."
            )


def _accelerator(given: str) -> str:
    # Apple's has no float64, which affinities are kept in.
    return "cpu" if given == "auto" and torch.backends.mps.is_available() else given
