"""A plan with its experiment, small enough to be read, and a command that plays the runs."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.report.run_folders import CONTENT
from vtagml.benchmark import Cell, Fate, all_cells, read_plan
from vtagml.benchmark.driver import Watcher

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
    "data": {"class_path": "datamodules.Scenes", "init_args": {"layout": "room", "val": 100}},
    "trainer": {"max_steps": 380},
}
ROWS: list[dict[str, Any]] = [
    {"name": "base", "config": "scenes.yaml"},
    {"name": "other", "title": "The other", "config": "scenes.yaml", "needs": "base"},
]


def write_plan(rows: Sequence[Mapping[str, Any]] = ROWS, **changes: Any) -> Path:
    """Writes a plan, its experiment and the experiment's `overlays` into this folder."""
    for name, content in {"scenes.yaml": EXPERIMENT, **changes.pop("overlays", {})}.items():
        Path(name).write_text(yaml.safe_dump(content))
    setting = {"name": "rooms", "title": "Rooms", "rows": list(rows)}
    setting.update(changes.pop("setting", {}))
    content = {"out": "out", "seeds": [0, 1], "settings": [setting], **changes}
    path = Path("plan.yaml")
    path.write_text(yaml.safe_dump(content, allow_unicode=True))
    return path


def cells_of(path: Path) -> dict[str, Cell]:
    plan = read_plan(path)
    return {cell.name: cell for cell in all_cells(plan, plan.out)}


def stand_in(fates: Mapping[str, Any] | None = None) -> list[str]:
    """The command that plays runs; `fates` are of cells by name."""
    Path("fates.json").write_text(json.dumps({"template": CONTENT, **(fates or {})}))
    return [sys.executable, str(PROGRAM), "fates.json"]


def started() -> list[str]:
    """The cells that were started since the last call."""
    file = Path("started.txt")
    found = file.read_text().splitlines() if file.is_file() else []
    file.unlink(missing_ok=True)
    return found


class Notes(Watcher):
    """Watches a driver."""

    def __init__(self, interrupts_in: str | None = None) -> None:
        self.said: list[tuple[str, str]] = []
        self.interrupts_in = interrupts_in

    def began(self, cell: Cell, resumed: bool) -> None:
        self.said.append((cell.name, "resumed" if resumed else "began"))

    def ended(self, cell: Cell, fate: Fate, seconds: float) -> None:
        self.said.append((cell.name, fate.value))

    def waits(self, waiting: Sequence[Cell], working: dict[Cell, float]) -> None:
        for cell in working:
            if cell.name == self.interrupts_in and (cell.folder / "hangs").exists():
                raise KeyboardInterrupt
