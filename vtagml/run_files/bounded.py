"""Bytes of a file that may be anything: only of an ordinary file, and only so many."""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEGABYTE = 1 << 20
MOST = 32 * MEGABYTE
LONGEST = 120  # Letters of what an error quotes.
# What a terminal obeys, and halves of letters, which no file can hold: not the ends of lines, tabs.
UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]|\r(?!\n)")
UNKNOWN_LETTER = "\ufffd"


class DamagedFileError(ValueError):
    """A file of a run that cannot be read, with its name and what is wrong."""


def read_bytes(file: Path, most: int = MOST) -> bytes:
    """Returns the content of a file.

    Args:
        file: A pipe, a device or a folder is refused, and not waited for.
        most: Bytes; a larger file is refused.
    """
    # Opened first and looked at then, or it could become another in between.
    descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    try:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise DamagedFileError(f"`{file}` must be a file, found a folder, a pipe or a device.")
        with os.fdopen(descriptor, "rb", closefd=False) as opened:
            content = opened.read(most + 1) if about.st_size <= most else None
    finally:
        os.close(descriptor)
    if content is None or len(content) > most:
        raise DamagedFileError(f"`{file}` must have at most {most / MEGABYTE:g} MB, found more.")
    return content


def read_text(file: Path) -> str:
    """Returns the text of a file, with a mark for what is no text."""
    return clean(read_bytes(file).decode("utf-8", "replace"))


is_there = os.path.exists  # not `Path.exists`: a name may be too long, or not be looked at


@contextmanager
def read_as(file: Path, kind: str) -> Iterator[None]:
    """Makes one error of all that decoders end in, and of what is found wrong within."""
    try:
        yield
    except DamagedFileError:
        raise
    except Exception as error:  # zlib's, struct's, Pillow's SyntaxError, RecursionError, …
        reason = cut(str(error)) or type(error).__name__
        message = f"`{file}` is damaged and cannot be read as {kind} ({reason.rstrip('.')})."
        raise DamagedFileError(message) from None


def clean(text: str) -> str:
    """Replaces what a terminal would obey and what no file could hold."""
    return UNPRINTABLE.sub(UNKNOWN_LETTER, text)


def cut(content: object) -> str:
    """Returns the beginning of something, on one line."""
    words = " ".join(clean(str(content)[: 4 * LONGEST]).split())
    return words if len(words) <= LONGEST else words[: LONGEST - 1] + "…"


def printable_name(folder: Path) -> Path:
    """Returns a folder whose name tables, pages and terminals can show; refuses any other."""
    if not str(folder).isprintable():
        raise ValueError(
            f"`{clean(str(folder)).encode('unicode_escape').decode()}` must have a name of letters "
            "that can be printed: rename the folder."
        )
    return folder
