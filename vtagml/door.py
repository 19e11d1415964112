"""Doors that import what is behind them when it is first asked for.

Torch, Lightning and torchmetrics take seconds to import; who asks for help, or reads a table of
finished runs, needs none of them. A room whose `__init__.py` imports its names under `if
TYPE_CHECKING:` and ends with `open_when_asked(__name__)` behaves as if it imported them always, and
listed them in `__all__`. For type checkers a name is public if it is imported `as` itself.
"""

import ast
import inspect
import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any


class Door(ModuleType):
    """A package that imports its names from their files when they are first asked for."""

    homes: Mapping[str, str]

    def __getattr__(self, name: str) -> Any:
        if name not in self.homes:
            return self._file(name)
        object = getattr(import_module(self.homes[name]), name)
        super().__setattr__(name, object)
        return object

    def __setattr__(self, name: str, value: Any) -> None:
        # Python puts each imported file into its package: over a function of the same name.
        if isinstance(value, ModuleType) and self.homes.get(name) == value.__name__:
            value = getattr(value, name)
        super().__setattr__(name, value)

    def _file(self, name: str) -> ModuleType:
        """Returns a file or a room behind the door: `import vtagml` alone has `vtagml.tasks`."""
        path = f"{self.__name__}.{name}"
        if name.startswith("_") or find_spec(path) is None:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return import_module(path)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.homes})


def open_when_asked(package: str) -> None:
    """Makes a package's door lazy: the imports under `if TYPE_CHECKING` are what it offers."""
    module = sys.modules[package]
    guarded = [
        imported
        for statement in ast.parse(inspect.getsource(module)).body
        if isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING"
        for imported in statement.body
        if isinstance(imported, ast.ImportFrom)
    ]
    homes = {name.name: str(imported.module) for imported in guarded for name in imported.names}
    vars(module).update(homes=homes, __all__=sorted({*homes, *vars(module).get("__all__", ())}))
    module.__class__ = Door
