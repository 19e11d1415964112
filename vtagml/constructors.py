"""What a class takes when it is built."""

import inspect
from collections.abc import Callable
from typing import Any

COLLECTING = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def arguments(built: Callable[..., Any]) -> list[str]:
    """Returns the names of what a class or function takes.

    A class that hands `**options` on takes what its base takes, too, as the parser of configs
    finds by following `super().__init__(**options)`.
    """
    names: dict[str, None] = {}
    kinds = [kind for kind in getattr(built, "__mro__", ()) if "__init__" in vars(kind)]
    for kind in kinds or [built]:
        parameters = inspect.signature(kind).parameters.values()
        names |= {each.name: None for each in parameters if each.kind not in COLLECTING}
        if not any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters):
            break
    return list(names)
