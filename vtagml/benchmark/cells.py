"""A row at a seed: one run folder, and the command that fills it."""

import json
from argparse import ArgumentError
from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any, TypeAlias

from vtagml.benchmark.plan import Plan, Row, lineage
from vtagml.benchmark.resolved import Settings, key_of, settings_of
from vtagml.launching import Job
from vtagml.run_folder import CHECKPOINTS

Resolve: TypeAlias = Callable[[Sequence[str]], Mapping[str, Any]]
"""Makes of the words of an experiment its whole config, defaults included; builds nothing."""

SOURCE = "model.source.init_args.checkpoint"
SEEDS = ("data.seed", "data.source.init_args.seed", "data.target.init_args.seed")


class Cell(Job):
    """One run of the benchmark.

    Args:
        row: What it is a run of.
        seed: Of the weights, and of the data's order and augmentation.
        out: The benchmark's folder.
        source: The run it starts from, or whose checkpoint it tests.
        resolve: Says what its words mean.
    """

    def __init__(
        self, row: Row, seed: int, out: Path, source: "Cell | None", resolve: Resolve
    ) -> None:
        super().__init__(f"{row.name}/{seed}", out / row.name / str(seed))
        self.row, self.seed, self.out, self.source, self.resolve = row, seed, out, source, resolve
        self.kinds = (row.name, row.command)

    @property
    def tested(self) -> Path | None:
        """The checkpoint it tests, None if it trains."""
        if self.source is None or self.row.command == "fit":
            return None
        return self.source.folder / CHECKPOINTS / "last.ckpt"

    @cached_property
    def words(self) -> Sequence[str]:
        last = () if self.tested is None else (f"--ckpt_path={self.tested}",)
        return [*_words(self.row, self._needed), *last, *_options(self._seeds)]

    @cached_property
    def settings(self) -> Settings:
        """What its config will be."""
        own = {**self._needed, **self._seeds}
        return {**self._of_row, **{key_of(name): value for name, value in own.items()}}

    @property
    def _needed(self) -> dict[str, Any]:
        trains = self.source is not None and self.tested is None
        return {SOURCE: str(self.source.folder)} if self.source and trains else {}

    @property
    def _seeds(self) -> dict[str, Any]:
        given = self.row.overrides
        own = [name for name in SEEDS if key_of(name) in self._of_row and name not in given]
        return dict.fromkeys(("seed_everything", *own), self.seed)

    @cached_property
    def _of_row(self) -> Settings:
        """The config that a row's cells have in common."""
        # With a folder that is the same for all, so that it has to be resolved only once.
        needed = {name: str(self.out / str(self.row.source)) for name in self._needed}
        try:
            return settings_of(self.resolve(tuple(_words(self.row, needed)[1:])))
        except (ArgumentError, OSError, ValueError) as error:
            raise ValueError(
                f"Row `{self.row.name}` must be a command that can run, found in it: {error}"
            ) from error


def _words(row: Row, needed: Mapping[str, Any]) -> list[str]:
    configs = [word for config in row.configs for word in ("--config", str(config))]
    return [row.command, *configs, *_options({**row.overrides, **needed})]


def _options(values: Mapping[str, Any]) -> list[str]:
    # In one word with its key: a parser takes -1e-3 alone for a key.
    return [f"--{key}={_as_word(value)}" for key, value in values.items()]


def _as_word(value: Any) -> str:
    """Writes a value of YAML as the command line takes it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def all_cells(plan: Plan, out: Path, resolve: Resolve) -> list[Cell]:
    """Returns all cells, each after its source; of one seed all rows before the next seed."""
    cells: dict[tuple[str | None, int], Cell] = {}
    once = cache(resolve)
    for row in plan.rows.values():
        for seed in row.seeds:
            source = cells.get((row.source, seed))
            cells[row.name, seed] = Cell(row, seed, out, source, once)
    # Whoever looks before the end sees whole tables of fewer seeds.
    return sorted(cells.values(), key=lambda cell: cell.seed)


def chosen_cells(plan: Plan, cells: Sequence[Cell], only: Sequence[str]) -> list[Cell]:
    """Returns the cells of the rows and settings that are named, and of the rows they start from.

    Args:
        plan: What the names are of.
        cells: All of it.
        only: Names; none means all.
    """
    settings = {setting.name: [row.name for row in setting.rows] for setting in plan.settings}
    rows = plan.rows
    for name in only:
        if name not in settings and name not in rows:
            raise ValueError(
                f"`--only` must name settings or rows of the plan, found `{name}`; there are the "
                f"settings {', '.join(settings)} and the rows {', '.join(rows)}."
            )
    named = [row for name in only for row in settings.get(name, [name])] if only else list(rows)
    wanted = {row for name in named for row in lineage(rows, name)}
    return [cell for cell in cells if cell.row.name in wanted]
