"""A trained model out of a checkpoint and the config beside it.

The config that a checkpoint was trained with is in its run folder, and is read from there. Of it
the model is taken, the size of the images and the names of the classes; where and on what it was
trained is of no matter.
"""

import json
import warnings
from argparse import ArgumentError
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from lightning import LightningDataModule, LightningModule

from datamodules.geometry import Resize
from datamodules.labels import Labels
from datamodules.transforms import Transform
from vtagml.affinity import Affinity
from vtagml.backbone import Backbone
from vtagml.building import built
from vtagml.checkpoints import checkpoint_path, read_checkpoint
from vtagml.checkpoints.reading import CLASS_NAMES
from vtagml.module import MultitaskModule
from vtagml.multitask import multitask
from vtagml.run_folder import CHECKPOINTS, CONFIG, RunFolder
from vtagml.tasks import Task
from vtagml.tuning import Tuning

# Arguments that say where a training starts: what they name is in the checkpoint, and may be gone,
# or would be downloaded, or take minutes to compute.
STARTS: Mapping[type, str] = {Backbone: "weights", Affinity: "initial", Tuning: "clustering"}

GONE = (ArgumentError, OSError, ValueError, AttributeError, ImportError)
"""What data raise whose files, or whose own class, are not there any more."""


class TrainedRun:
    """A checkpoint of `lightning fit`, and the config that it was trained with.

    Args:
        run: A run folder, or its folder of checkpoints, of which the newest whole one is taken, or
            a checkpoint.
        config: The experiment's YAML; by default `config.yaml` of the checkpoint's run folder.

    Attributes:
        checkpoint: The file.
        content: What it holds.
        config: The file of the config.
    """

    def __init__(self, run: Path, config: Path | None = None) -> None:
        self.checkpoint = checkpoint_of(run)
        self.content = read_checkpoint(self.checkpoint)
        if not isinstance(self.content.get("state_dict"), Mapping):
            raise ValueError(
                "`--ckpt_path` must be a checkpoint of `lightning fit`, found in "
                f"`{self.checkpoint}` a file with the keys "
                f"{sorted(map(str, self.content))[:5]}. Give runs/NAME/checkpoints/last.ckpt."
            )
        self.config = config or config_beside(self.checkpoint)
        self.settings = read_config(self.config)

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of the images that the model was trained with."""
        settings = self.settings["data"].get("init_args") or {}
        if "target" in settings:  # data of two domains: the one that the model is wanted for
            settings = settings["target"].get("init_args") or {}
        elif settings.get("parts"):  # of a mixture, whose parts have one size
            settings = settings["parts"][0].get("init_args") or {}
        size = settings.get("image_size")
        if not isinstance(size, list) or len(size) != 2:
            raise ValueError(
                f"`data.init_args.image_size` in `{self.config}` must be the height and width that "
                f"the model was trained with, found {size}. Write them there."
            )
        return int(size[0]), int(size[1])

    @property
    def labels(self) -> dict[str, Labels]:
        """Names and colours of the classes of the data that the model was trained on."""
        return labels_of(self.settings)

    def views(self, tasks: Iterable[Task]) -> Sequence[Transform] | None:
        """How a photo comes to the network's size where all `tasks` are of the whole image.

        As the images of the data that the model was trained on do; resized, if nobody knows. None
        where a task has pixels: these want to be found again.
        """
        if not all(task.of_whole_image for task in tasks):
            return None
        try:
            data = built(LightningDataModule, self.settings["data"])
            views = next(iter(data.parts.values())).views()
        except GONE:
            views = ()
        return views or [Resize(self.image_size)]

    @property
    def origin(self) -> dict[str, Any]:
        """Which weights these are: file, step, and the commit of the training if known."""
        results = RunFolder.of_checkpoint(self.checkpoint).metrics
        try:
            commit = json.loads(results.read_text(encoding="utf-8"))["provenance"]["commit"]
        except (OSError, ValueError, KeyError, TypeError):  # another program's file, or cut off
            commit = None
        step = self.content.get("global_step")
        return {"file": self.checkpoint.name, "step": step, "commit": commit}

    def model(self) -> MultitaskModule:
        """Builds the model of the config, with the weights of the checkpoint.

        It is not compiled, which would take longer than many predictions.
        """
        settings = dict(self.settings["model"])
        arguments = dict(settings.get("init_args") or {})
        arguments.pop("compute", None)
        settings["init_args"] = arguments
        model = multitask(built(LightningModule, settings, STARTS))
        # Not by a Trainer, which would ask for the callbacks of the training.
        model.on_load_checkpoint(self.content)
        model.load_state_dict(self.content["state_dict"])
        names = self.content.get(CLASS_NAMES)
        model.trained_on(names if isinstance(names, Mapping) else {})
        return model


def checkpoint_of(run: Path) -> Path:
    """Returns the checkpoint itself, or the newest whole one of a run or of its checkpoints."""
    if run.is_file():
        return run
    if not run.is_dir():
        raise FileNotFoundError(
            f"`--ckpt_path` must be a checkpoint or the run folder of a training, found no file "
            f"`{run}`: give runs/NAME, or runs/NAME/checkpoints/last.ckpt."
        )
    here = run.resolve().name == CHECKPOINTS or any(run.glob("*.ckpt"))
    newest = RunFolder(run).newest_checkpoint
    return Path(str(checkpoint_path("last", run / newest.name if here else newest, "predict")))


def config_beside(checkpoint: Path) -> Path:
    """Returns the config that was kept when the checkpoint was trained."""
    file = RunFolder.of_checkpoint(checkpoint).config
    if not file.is_file():
        raise FileNotFoundError(
            f"`{CONFIG}` of the training must be in the checkpoint's run folder, found no `{file}`."
            f" Keep the two together, or copy the experiment's YAML there as `{CONFIG}`."
        )
    return file


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


def labels_of(config: Mapping[str, Any]) -> dict[str, Labels]:
    """Returns names and colours of the classes of the data that a model was trained on.

    The DataModule knows them without its files. Pictures can do without, as when it read a list
    that is gone.
    """
    try:
        return dict(built(LightningDataModule, config["data"]).labels)
    except GONE as error:
        warnings.warn(
            f"The names and colours of the training's classes are not to be had, so classes are "
            f"numbered. {type(error).__name__}: {error}",
            stacklevel=2,
        )
        return {}
