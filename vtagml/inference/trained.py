"""A trained model out of a checkpoint and the config beside it.

The config that a checkpoint was trained with is in its run folder, and is read from there. Of it
the model is taken, the size of the images and the names of the classes; where and on what it was
trained is of no matter.
"""

import inspect
import json
import re
import sys
import warnings
from argparse import ArgumentError
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml
from lightning import LightningDataModule, LightningModule

from datamodules.labels import Labels
from vtagml.affinity import Affinity
from vtagml.backbone import Backbone
from vtagml.building import built
from vtagml.checkpoints import checkpoint_path, read_checkpoint
from vtagml.checkpoints.reading import CLASS_NAMES
from vtagml.module import MultitaskModule
from vtagml.multitask import multitask
from vtagml.run_folder import CHECKPOINTS, CONFIG, RunFolder

CLASS_PATH = re.compile(r"(?:[A-Za-z_]\w*\.)+[A-Z]\w*")  # but `last.ckpt` is none
# Arguments that say where a training starts: what they name is in the checkpoint, and may be gone,
# or would be downloaded.
STARTS: Mapping[type, str] = {Backbone: "weights", Affinity: "initial"}


def checkpoint_of(run: Path) -> Path:
    """Returns the checkpoint itself, or the newest whole one of a run or of its checkpoints."""
    if not run.is_dir():
        return run
    here = run.resolve().name == CHECKPOINTS or any(run.glob("*.ckpt"))
    newest = RunFolder(run).newest_checkpoint
    return Path(str(checkpoint_path("last", run / newest.name if here else newest, "predict")))


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
    file = RunFolder.of_checkpoint(checkpoint).config
    if not file.is_file():
        raise FileNotFoundError(
            f"`{CONFIG}` of the training must be in the checkpoint's run folder, found no `{file}`."
            f" Keep the two together, or copy the experiment's YAML there as `{CONFIG}`."
        )
    return file


def origin_of(checkpoint: Path, content: Mapping[str, Any]) -> dict[str, Any]:
    """Returns which weights these are: file, step, and the commit of the training if known."""
    results = RunFolder.of_checkpoint(checkpoint).metrics
    try:
        commit = json.loads(results.read_text(encoding="utf-8"))["provenance"]["commit"]
    except (OSError, ValueError, KeyError, TypeError):  # another program's file, or cut off
        commit = None
    return {"file": checkpoint.name, "step": content.get("global_step"), "commit": commit}


def read_config(file: Path) -> dict[str, Any]:
    """Returns a config of an experiment, with `model` and `data`."""
    try:
        config = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        config = str(error).splitlines()[0]
    if not isinstance(config, dict) or not {"model", "data"} <= config.keys():
        found = list(config) if isinstance(config, dict) else repr(config)
        raise ValueError(f"`{file}` must be a config with `model` and `data`, found {found}.")
    return config


def image_size_of(file: Path, config: Mapping[str, Any]) -> tuple[int, int]:
    """Returns height and width of the images that the model was trained with."""
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


def model_of(settings: Mapping[str, Any], content: dict[str, Any]) -> MultitaskModule:
    """Returns the model of a config with the weights of a checkpoint.

    Args:
        settings: `model` of the config.
        content: The checkpoint's; it is compared with the model before its weights are taken.
    """
    model = multitask(built(LightningModule, without_starts(dict(settings))))
    # Not by a Trainer, which would ask for the callbacks of the training.
    model.on_load_checkpoint(content)
    model.load_state_dict(content["state_dict"])
    names = content.get(CLASS_NAMES)
    model.trained_on(names if isinstance(names, Mapping) else {})
    return model


def without_starts(settings: Any) -> Any:
    """Returns settings of nested classes without the files that a training started from."""
    if isinstance(settings, list):
        return [without_starts(each) for each in settings]
    # Of text elsewhere nobody knows here whether it is meant to be a class: nothing is imported.
    if (
        isinstance(settings, str)
        and CLASS_PATH.fullmatch(settings)
        and _start(settings, known=True)
    ):
        settings = {"class_path": settings}  # a class alone, all of whose arguments are defaults
    if not isinstance(settings, dict):
        return settings
    # The class path itself is no class alone.
    kept = {
        key: each if key == "class_path" else without_starts(each) for key, each in settings.items()
    }
    if start := _start(kept.get("class_path")):
        kept["init_args"] = {**(kept.get("init_args") or {}), start: None}
    return kept


def _start(class_path: Any, known: bool = False) -> str | None:
    """Returns the argument that says where objects of a class start, if they have one.

    Args:
        class_path: Of the class.
        known: Whether its module has to be imported already.
    """
    module, _, name = str(class_path).rpartition(".")
    if not module or (known and module not in sys.modules):
        return None
    try:
        found = getattr(import_module(module), name, None)
    except ImportError:
        return None
    if not isinstance(found, type):
        return None
    starts = (key for kind, key in STARTS.items() if issubclass(found, kind))
    start = next(starts, None)
    return start if start in inspect.signature(found).parameters else None
