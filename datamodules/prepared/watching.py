"""Which files a reader reads, without asking it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import get_ident
from typing import Any

_watchers: dict[int, set[str]] = {}


@contextmanager
def files_read(root: Path) -> Iterator[list[str]]:
    """List the files below `root` that this thread opens, relative to it, in order of their names.

    The list is complete when the context ends. Python tells of every file that it opens itself;
    libraries in C that open a file by its name, such as HDF5's, go unnoticed.
    """
    _install_hook()
    opened: set[str] = set()
    listed: list[str] = []
    _watchers[get_ident()] = opened
    try:
        yield listed
    finally:
        del _watchers[get_ident()]
    here = Path(os.path.abspath(root))  # noqa: PTH100  # a link in the path stays a link
    paths = (Path(os.path.abspath(name)) for name in opened)  # noqa: PTH100
    below = {path.relative_to(here).as_posix() for path in paths if path.is_relative_to(here)}
    listed += sorted(below)


@cache
def _install_hook() -> None:
    sys.addaudithook(_note)  # cannot be taken back; it costs a look-up per event


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and (opened := _watchers.get(get_ident())) is not None:
        name = arguments[0]
        if isinstance(name, (str, bytes)):
            opened.add(os.fsdecode(name))
