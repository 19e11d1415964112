"""Every notebook runs on a small run of the demo."""

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.fakes.small import SMALL
from vtagml.cli import main

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the kernel's own libraries
def test_notebook_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    demo = str(ROOT / "experiments" / "scenes_sdne.yaml")
    main(["fit", "--config", demo, *SMALL, f"--trainer.default_root_dir={tmp_path}"])
    monkeypatch.setenv("VTAGML_RUN", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute(cwd=str(tmp_path))
    pictures = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    assert len(pictures) >= 3


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS
