"""Names and texts that mean one thing and are spelled in several ways.

`É` is one character on most disks and two (`E` and an accent) on those of a Mac; some programs
write `.PNG`; editors put a mark before a text, and end its lines as their system does.
"""

import codecs
import unicodedata
from pathlib import Path


def composed(name: str) -> str:
    """The spelling in which names are compared: a letter and its accents are one character."""
    return unicodedata.normalize("NFC", name)


def spelled(path: Path) -> Path:
    """A path as it is spelled on this disk; as it was given if nothing of that name is there.

    The accents of any of its parts may be spelled otherwise, and the suffix be in capitals.
    """
    if path.exists():
        return path
    folder = path.parent if path.parent.exists() else spelled(path.parent)
    stem, suffix = path.stem, path.suffix
    names = (
        unicodedata.normalize(form, stem) + case
        for form in ("NFC", "NFD")
        for case in (suffix, suffix.upper(), suffix.title())
    )
    return next((folder / name for name in names if (folder / name).exists()), path)


def read_bytes(file: Path) -> bytes:
    """Read a file, whatever its name's spelling.

    Raises:
        FileNotFoundError: There is no such file.
    """
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return spelled(file).read_bytes()


def read_text(file: Path) -> str:
    """Read a text in UTF-8, or in UTF-16 with the mark that some programs of Windows begin with.

    Raises:
        FileNotFoundError: There is no such file.
        UnicodeDecodeError: It is no text.
    """
    data = read_bytes(file)
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return data.decode("utf-16" if wide else "utf-8-sig")
