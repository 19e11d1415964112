"""A row at a seed: one run folder, and the command that fills it."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from vtagml.benchmark.plan import Plan, Row, lineage
from vtagml.report.record import look_up
from vtagml.run_folder import CHECKPOINTS

SOURCE = "trainer.callbacks.checkpoint"
LAST = Path(CHECKPOINTS, "last.ckpt")
SEED = "data.seed"
SEEDS_OF_TWO = ("data.source.init_args.seed", "data.target.init_args.seed")


@dataclass(frozen=True, eq=False)
class Cell:
    """One run of the benchmark.

    Attributes:
        row: What it is a run of.
        seed: Of the weights, and of the data's order and augmentation.
        out: The benchmark's folder.
        source: The run it starts from, or whose checkpoint it tests.
    """

    row: Row
    seed: int
    out: Path
    source: "Cell | None" = None

    @property
    def name(self) -> str:
        return f"{self.row.name}/{self.seed}"

    @property
    def folder(self) -> Path:
        return self.out / self.row.name / str(self.seed)

    @property
    def log(self) -> Path:
        """What its process has printed; beside the folder, which the run itself may set aside."""
        return self.folder.with_name(f"{self.seed}.log")

    @cached_property
    def experiment(self) -> dict[str, Any]:
        """The content of its config, overlays in their places."""
        experiment: dict[str, Any] = {}
        for config in self.row.configs:
            content = yaml.safe_load(config.read_text(encoding="utf-8"))
            if not isinstance(content, dict):
                raise ValueError(
                    f"`config` of row `{self.row.name}` must be an experiment, found {content!r} "
                    f"in `{config}`."
                )
            experiment = _overlaid(experiment, content)
        return experiment

    @cached_property
    def settings(self) -> dict[str, str]:
        """Keys and values of its command, the run folder aside."""
        given = {key: as_word(value) for key, value in self.row.overrides.items()}
        if self.source is not None:
            folder = self.source.folder
            if self.row.command == "test":
                given["ckpt_path"] = str(folder / LAST)
            else:
                given[SOURCE] = str(folder)
        given["seed_everything"] = str(self.seed)
        for key in seed_keys(self.experiment):
            given.setdefault(key, str(self.seed))
        return given

    def words(self, resume: bool = False) -> list[str]:
        """The words behind `lightning`.

        Args:
            resume: Whether it goes on from its own newest checkpoint.
        """
        words = [self.row.command]
        words += [word for config in self.row.configs for word in ("--config", str(config))]
        # In one word with its key: a parser takes -1e-3 alone for a key.
        words += [f"--{key}={value}" for key, value in self.settings.items()]
        words += ["--ckpt_path=last"] if resume else []
        return [*words, f"--trainer.default_root_dir={self.folder}"]


def _overlaid(below: Any, above: Any) -> Any:
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    if above.get("class_path", below.get("class_path")) != below.get("class_path"):
        below = {}  # what a new class keeps of the old one's arguments, only the parser knows
    return below | {key: _overlaid(below.get(key), value) for key, value in above.items()}


def shown(words: Sequence[str]) -> str:
    """The command as a user would type it."""
    return shlex.join(["lightning", *words])


def as_word(value: Any) -> str:
    """Writes a value of YAML as the command line takes it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def seed_keys(experiment: dict[str, Any]) -> tuple[str, ...]:
    """Where an experiment's data take their seed: in two places where they are of two domains."""
    two = isinstance(look_up(experiment, "data.init_args.source"), dict)
    return SEEDS_OF_TWO if two else (SEED,)


def all_cells(plan: Plan, out: Path) -> list[Cell]:
    """Returns all cells, each after its source; of one seed all rows before the next seed."""
    found: dict[tuple[str, int], Cell] = {}
    for row in plan.rows.values():
        for seed in row.seeds:
            source = None if row.source is None else found[row.source, seed]
            found[row.name, seed] = Cell(row, seed, out, source)
    # Whoever looks before the end sees whole tables of fewer seeds.
    return sorted(found.values(), key=lambda cell: cell.seed)


def chosen_cells(plan: Plan, cells: Sequence[Cell], only: Sequence[str]) -> list[Cell]:
    """Returns the cells of the rows and settings that are named, and of the rows they start from.

    Args:
        plan: What the names are of.
        cells: All of it.
        only: Names; none means all.
    """
    of_setting = {each.name: [row.name for row in each.rows] for each in plan.settings}
    rows = plan.rows
    for name in only:
        if name not in of_setting and name not in rows:
            raise ValueError(
                f"`--only` must name settings or rows of the plan, found `{name}`; there are the "
                f"settings {', '.join(of_setting)} and the rows {', '.join(rows)}."
            )
    named = [row for name in only for row in of_setting.get(name, [name])] if only else list(rows)
    wanted = {each for name in named for each in lineage(rows, name)}
    return [cell for cell in cells if cell.row.name in wanted]
