"""A plan with its experiment, small enough to be read, and a command that plays the runs."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.benchmark.stand_in import resolve
from tests.report.run_folders import CONTENT
from vtagml.benchmark import Cell, CellQueue, State, all_cells, read_plan
from vtagml.launching import Board, Job, Runner

PROGRAM = Path(__file__).with_name("stand_in.py")
EXPERIMENT: dict[str, Any] = {
    "model": {
        "class_path": "vtagml.MultitaskModule",
        "init_args": {
            "tasks": [
                {"class_path": "vtagml.tasks.Segmentation", "init_args": {"classes": 8}},
                {"class_path": "vtagml.tasks.Depth"},
            ],
            "encoder": {"class_path": "vtagml.encoders.VTAGML"},
            "optimizer": {"class_path": "torch.optim.AdamW", "init_args": {"lr": 0.005}},
        },
    },
    "data": {
        "class_path": "datamodules.Scenes",
        "init_args": {"layout": "room", "val": 100, "seed": 0},
    },
    "trainer": {"max_steps": 380},
}
OVERLAY = {"model": {"init_args": {"encoder": {"class_path": "vtagml.encoders.Frozen"}}}}
ROWS: list[dict[str, Any]] = [
    {"name": "base"},
    {"name": "other", "title": "The other", "needs": "base"},
]


def write_plan(rows: Sequence[Mapping[str, Any]] = ROWS, **changes: Any) -> Path:
    """Writes a plan, its experiment and an overlay of it into this folder."""
    Path("scenes.yaml").write_text(yaml.safe_dump(EXPERIMENT))
    Path("frozen.yaml").write_text(yaml.safe_dump(OVERLAY))
    setting = {"name": "rooms", "title": "Rooms", "config": "scenes.yaml", "rows": list(rows)}
    setting.update(changes.pop("setting", {}))
    content = {"out": "out", "seeds": [0, 1], "settings": [setting], **changes}
    path = Path("plan.yaml")
    path.write_text(yaml.safe_dump(content, allow_unicode=True))
    return path


def cells_of(path: Path) -> dict[str, Cell]:
    plan = read_plan(path)
    return {cell.name: cell for cell in all_cells(plan, plan.out, resolve)}


@contextmanager
def stand_in(fates: Mapping[str, Any] | None = None) -> Iterator[None]:
    """Runs are played while the block lasts; `fates` are of cells by name."""
    Path("fates.json").write_text(json.dumps({"template": CONTENT, **(fates or {})}))
    with pytest.MonkeyPatch.context() as patch:
        command = [sys.executable, str(PROGRAM), "fates.json"]
        patch.setattr("vtagml.launching.runner.launcher", lambda: command)
        patch.setattr("vtagml.launching.runner.PAUSE", 0.01)
        yield


def started() -> list[str]:
    """The cells that were started since the last call."""
    file = Path("started.txt")
    names = file.read_text().splitlines() if file.is_file() else []
    file.unlink(missing_ok=True)
    return names


class InterruptedQueue(CellQueue):
    """Somebody gives Ctrl-C as soon as a cell hangs."""

    def goes_on(self, job: Job) -> bool:
        if (job.folder / "hangs").exists():
            raise KeyboardInterrupt
        return True


def drive(
    cells: Sequence[Cell],
    fates: Mapping[str, Any] | None = None,
    processes: int = 1,
    kind: type[CellQueue] = CellQueue,
) -> dict[str, State]:
    """Runs cells and returns what became of them."""
    board = Board(len(cells))
    queue = kind(cells, board)
    with stand_in(fates):
        Runner(queue, board, processes=processes).run()
    return {job.name: fate for job, fate in queue.fates.items()}
