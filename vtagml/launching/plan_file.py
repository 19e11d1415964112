"""What benchmarks and sweeps read: YAML files of a few known keys."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml


def read_yaml(path: Path, name: str) -> Any:
    """Returns what a file holds.

    Args:
        path: The file.
        name: The argument that names it, for errors.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no YAML.
    """
    if not path.is_file():
        raise FileNotFoundError(f"`{name}` must be a YAML file, there is no file `{path}`.")
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"`{name}` must be YAML, `{path}` is not: {error}") from None


def check_keys(
    content: Any, where: str, known: Sequence[str] = (), needed: Sequence[str] = ()
) -> dict[str, Any]:
    """Returns a mapping, of nothing an empty one.

    Args:
        content: What the file has.
        where: Its place in the file, for errors.
        known: All keys that it may have; none means any.
        needed: Those that must be there.
    """
    if not isinstance(content, Mapping | None):
        raise ValueError(f"{where} must be keys with values, found {content!r}.")
    found = {str(key): value for key, value in (content or {}).items()}
    where += f" (`{found['name']}`)" if "name" in found else ""
    if known and (unknown := [key for key in found if key not in known]):
        raise ValueError(f"{where} must have only {', '.join(known)}, found `{unknown[0]}`.")
    if lacking := [key for key in needed if found.get(key) in (None, [])]:
        raise ValueError(f"{where} must have `{lacking[0]}`, found nothing.")
    return found
