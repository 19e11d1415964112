"""Runs notebooks and keeps their outputs: `python -m tests.notebooks`.

Run it after `make demo` and what the notebooks say they need, then look at the pictures and at what
changed: the outputs belong to the repository.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LIMIT = 120
"""Seconds that a notebook may take."""


def execute(path: Path, variables: Mapping[str, str]) -> NotebookNode:
    """Returns a notebook with new outputs; the file stays as it is.

    Args:
        path: The notebook; its folder is where it runs.
        variables: Of the environment, beside those that are set.
    """
    notebook = nbformat.read(path, as_version=4)
    paths = f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    # Warnings name files of this machine, and libraries warn of widgets that no notebook here has.
    quiet = {"PYTHONPATH": paths, "PYTHONWARNINGS": "ignore"}
    client = NotebookClient(notebook, timeout=LIMIT, kernel_name="python3", record_timing=False)
    client.execute(cwd=str(path.parent), env={**os.environ, **quiet, **variables})
    notebook.metadata["language_info"] = {"name": "python"}  # and not its version
    return notebook


def main(names: list[str]) -> None:
    """Runs the notebooks of these names, or all, and writes them."""
    for path in NOTEBOOKS:
        if not names or path.stem in names:
            nbformat.write(execute(path, {}), path)
            sys.stdout.write(f"{path.stem}: {path.stat().st_size / 1e6:.2f} MB\n")


if __name__ == "__main__":
    main(sys.argv[1:])
