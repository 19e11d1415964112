"""Objects from what a config says of them."""

import os
from argparse import ArgumentError
from collections.abc import Mapping
from functools import partial
from pkgutil import resolve_name
from typing import Any

from lightning import LightningDataModule

from vtagml.constructors import arguments
from vtagml.module import MultitaskModule
from vtagml.tasks import Task

# Lightning still calls what jsonargparse has renamed; no user can do anything about it.
os.environ.setdefault("JSONARGPARSE_DEPRECATION_WARNINGS", "off")


def built(kind: Any, settings: Any, without: Mapping[type, str] | None = None) -> Any:
    """Returns the object that a class path with its arguments stands for.

    Args:
        kind: What it has to be; types such as `list[Task]` will do.
        settings: `class_path` and `init_args`.
        without: Arguments that are None whatever is said of them, by the class that they are of.
    """
    from lightning.pytorch.cli import LightningArgumentParser  # takes long to import

    parser = LightningArgumentParser(exit_on_error=False)
    parser.add_argument("--built", type=kind)
    own = [(partial(_without, name), base, True) for base, name in (without or {}).items()]
    parsed = parser.parse_object({"built": settings})
    return parser.instantiate(parsed, instantiators=own).built


# `/`, since classes have arguments of any name.
def _without(name: str, kind: type, /, *given: Any, **options: Any) -> Any:
    return kind(*given, **(options | ({name: None} if name in arguments(kind) else {})))


def locate_data(config: Any, command: str) -> None:
    """Raises the error for data that is not there, before a network is built or downloaded.

    Args:
        config: What was asked for, checked.
        command: `fit`, `validate`, `test` or `predict`.
    """
    kinds = resolve_name(config.model.class_path), resolve_name(config.data.class_path)
    tasks = task_names(config.model)
    if tasks is None or not _is_ours(*kinds):
        return  # a user's own, whose tasks are known when it is built, or that is built only once
    settings = config.data.clone()
    try:
        settings["init_args.tasks"] = tasks
        datamodule = built(LightningDataModule, settings)
    except ArgumentError:  # a user's sibling that does not take any
        datamodule = built(LightningDataModule, config.data)
    datamodule.locate(command)


def _is_ours(model: Any, data: Any) -> bool:
    """Whether both are of our kinds; a function that makes some is not."""
    return (
        isinstance(model, type) and issubclass(model, MultitaskModule) and hasattr(data, "locate")
    )


def task_names(model: Any) -> list[str] | None:
    """Names of the tasks that a model would have, without building it."""
    tasks = model.get("init_args.tasks") if model else None
    return [task.name for task in built(list[Task], tasks)] if tasks else None
