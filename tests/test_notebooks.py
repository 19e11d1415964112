"""Every notebook runs on small runs, defines nothing, and keeps outputs of real ones."""

import ast
import os
import re
import shutil
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode

from datamodules.writing import stand_ins
from tests.fakes.experiments import FOLDER, name_of, words_of
from tests.fakes.small import SMALL
from tests.notebooks import LIMIT, NOTEBOOKS, ROOT, execute
from vtagml.cli import main

PICTURES = ("image/png", "image/jpeg")
MOST_BYTES, MOST_LINES = 1_500_000, 24
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
ABSOLUTE = re.compile(r"(?<![\w.])/(?:home|Users|tmp|work|root|usr|opt|mnt|data|var)/|[A-Z]:\\")

every = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def codes(path: Path) -> list[NotebookNode]:
    cells = nbformat.read(path, as_version=4).cells
    return [cell for cell in cells if cell.cell_type == "code"]


def outputs(cells: list[NotebookNode]) -> list[NotebookNode]:
    return [output for cell in cells for output in cell.outputs]


def count_pictures(cells: list[NotebookNode]) -> int:
    return sum(any(kind in each.get("data", {}) for kind in PICTURES) for each in outputs(cells))


def words(output: NotebookNode) -> str:
    """All of an output that is not a picture."""
    data: dict[str, Any] = output.get("data", {})
    texts = [str(value) for kind, value in data.items() if kind not in PICTURES]
    return "\n".join([output.get("text", ""), *texts])


def python_of(cell: NotebookNode) -> str:
    """The cell without magics, which are no Python."""
    lines = cell.source.splitlines()
    return "\n".join(line for line in lines if not line.startswith("%"))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables of the environment by which notebooks find small runs."""
    folder = tmp_path_factory.mktemp("runs")
    base, method = (FOLDER / name for name in ("scenes_sdne.yaml", "methods/frozen.yaml"))
    names = []
    for configs in ([base], [base, method]):
        names.append(name_of(configs))
        run = f"--trainer.default_root_dir={folder / names[-1]}"
        main(["fit", *words_of(configs), *SMALL, run])
    (folder / "planted").mkdir()
    shutil.copy(ROOT / "experiments" / "planted.json", folder / "planted" / "affinity.json")
    demo, frozen = (str(folder / name) for name in names)
    return {
        "VTAGML_RUN": demo,
        "VTAGML_OTHER_RUN": frozen,
        "VTAGML_RUNS": os.pathsep.join([frozen, demo]),
        "VTAGML_PLANTED_RUN": str(folder / "planted"),
    }


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the kernel's own libraries
@every
def test_it_runs_in_time_and_draws_what_is_kept(path: Path, runs: dict[str, str]) -> None:
    start = time.monotonic()
    executed = [cell for cell in execute(path, runs).cells if cell.cell_type == "code"]
    assert time.monotonic() - start < LIMIT
    assert count_pictures(executed) == count_pictures(codes(path))


def test_there_are_notebooks() -> None:
    found = {path.stem for path in NOTEBOOKS}
    assert found == {"adapter", "affinity", "datasets", "methods", "own_images"}


@every
def test_it_imports_and_defines_nothing(path: Path) -> None:
    for cell in codes(path):
        nodes = list(ast.walk(ast.parse(python_of(cell))))
        assert not any(isinstance(node, DEFINITIONS) for node in nodes), cell.source
        assert len(cell.source.splitlines()) <= MOST_LINES, cell.source


@every
def test_a_sentence_stands_before_every_cell(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    for before, cell in pairwise(cells):
        if cell.cell_type == "code":
            assert before.cell_type == "markdown", cell.source
    assert cells[0].source.startswith("# ")


@every
def test_outputs_of_one_run_from_top_to_bottom_are_kept(path: Path) -> None:
    cells = codes(path)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert count_pictures(cells) >= 2
    assert all(each.output_type != "error" for each in outputs(cells))
    assert all(each.get("name") != "stderr" for each in outputs(cells))


@every
def test_nothing_of_the_machine_is_kept(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        assert not ABSOLUTE.search(cell.source), cell.source
        assert "execution" not in cell.metadata  # when it ran
    for output in outputs(codes(path)):
        assert not ABSOLUTE.search(words(output)), words(output)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert set(notebook.metadata["language_info"]) == {"name"}


@every
def test_it_is_small_enough_for_a_repository(path: Path) -> None:
    assert path.stat().st_size < MOST_BYTES


@pytest.mark.parametrize(
    ("text", "found"),
    [("in `/tmp/x`", True), ("C:\\runs", True), ("../runs/tmp/x", False), ("mean/var/", False)],
)
def test_absolute_paths_are_recognised(text: str, found: bool) -> None:
    assert bool(ABSOLUTE.search(text)) == found


def test_each_dataset_that_scenes_can_stand_in_for_is_shown() -> None:
    (path,) = [path for path in NOTEBOOKS if path.stem == "datasets"]
    shown = "\n".join(cell.source for cell in codes(path))
    # Sets of classified images have no maps to be shown.
    dense = [word for word, layouts in stand_ins().items() if layouts[0].alone]
    assert [word for word in dense if f'roots["{word}"]' not in shown] == []
