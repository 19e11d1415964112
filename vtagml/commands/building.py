"""Objects from what a config says of them."""

from typing import Any

from lightning.pytorch.cli import LightningArgumentParser


def built(kind: Any, settings: Any) -> Any:
    """Returns the object that a class path with its arguments stands for.

    Args:
        kind: What it has to be; types such as `list[Task]` will do.
        settings: `class_path` and `init_args`.
    """
    parser = LightningArgumentParser(exit_on_error=False)
    parser.add_argument("--built", type=kind)
    return parser.instantiate_classes(parser.parse_object({"built": settings})).built
