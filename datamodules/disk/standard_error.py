"""What libraries in C say on the standard error, where they have no other way to say it."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

STDERR = 2


@contextmanager
def complaints(marks: tuple[str, ...]) -> Iterator[list[str]]:
    """Collect the lines with one of these marks that this process writes to its standard error.

    All else is passed on. The list is complete when the context ends; it stays empty where the
    process has no standard error.

    Args:
        marks: Parts of the lines to collect.
    """
    lines: list[str] = []
    try:
        terminal = os.dup(STDERR)
    except OSError:
        yield lines
        return
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), STDERR)
        try:
            yield lines
        finally:
            os.dup2(terminal, STDERR)
            os.close(terminal)
            lines += _sorted_out(caught, marks)


def _sorted_out(caught: BinaryIO, marks: tuple[str, ...]) -> list[str]:
    caught.seek(0)
    lines = caught.read().decode(errors="replace").splitlines()
    ours = [line for line in lines if any(mark in line for mark in marks)]
    others = "".join(f"{line}\n" for line in lines if line not in ours)
    os.write(STDERR, others.encode())
    return ours
