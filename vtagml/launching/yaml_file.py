"""A YAML file that a user names, read."""

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
