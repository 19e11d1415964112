"""An earlier run of the same name makes room for a new one, and comes back if that never starts."""

import shutil
import sys
from pathlib import Path


def set_aside(root: Path) -> Path | None:
    """Moves an earlier run, if there is one, so that a folder never mixes two runs.

    Returns:
        Where it is now.
    """
    if not (root / "config.yaml").is_file():
        return None
    number = 1
    while (earlier := root.with_name(f"{root.name}.{number}")).exists():
        number += 1
    root.rename(earlier)
    sys.stderr.write(f"The earlier run in {root} is now in {earlier}.\n")
    return earlier


def put_back(earlier: Path, root: Path) -> None:
    """Moves the earlier run back over what a run that failed before its first step has left."""
    shutil.rmtree(root)
    earlier.rename(root)
    sys.stderr.write(f"The run failed before its first step: {earlier} is {root} again.\n")
