"""Objects from what a config says of them."""

from pkgutil import resolve_name
from typing import Any

from jsonargparse import Namespace
from lightning import LightningDataModule
from lightning.pytorch.cli import LightningArgumentParser

from vtagml.module import MultitaskModule
from vtagml.tasks import Task


def built(kind: Any, settings: Any) -> Any:
    """Returns the object that a class path with its arguments stands for.

    Args:
        kind: What it has to be; types such as `list[Task]` will do.
        settings: `class_path` and `init_args`.
    """
    parser = LightningArgumentParser(exit_on_error=False)
    parser.add_argument("--built", type=kind)
    return parser.instantiate_classes(parser.parse_object({"built": settings})).built


def locate_data(config: Namespace, command: str) -> None:
    """Raises the error for data that is not there, before a network is built or downloaded.

    Args:
        config: What was asked for, checked.
        command: `fit`, `validate`, `test` or `predict`.
    """
    if not issubclass(resolve_name(config.model.class_path), MultitaskModule):
        return  # a user's own, whose tasks are known when it is built
    settings = config.data.clone()
    settings.init_args.tasks = task_names(config.model)
    datamodule = built(LightningDataModule, settings)
    if hasattr(datamodule, "locate"):
        datamodule.locate(command)


def task_names(model: Namespace | None) -> list[str] | None:
    """Names of the tasks that a model would have, without building it."""
    tasks = model.init_args.get("tasks") if model else None
    return [task.name for task in built(list[Task], tasks)] if tasks else None
