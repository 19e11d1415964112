"""A row at a seed: one run folder, and the command that fills it."""

import json
from argparse import ArgumentError
from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any, TypeAlias

from vtagml.benchmark.plan import SOURCE, Plan, Row, lineage
from vtagml.benchmark.resolved import Settings, key_of, settings_of
from vtagml.launching import Job
from vtagml.run_folder import RunFolder

Resolve: TypeAlias = Callable[[Sequence[str]], Mapping[str, Any]]
"""Makes of the words of an experiment its whole config, defaults included; builds nothing."""

CHECKPOINT = "trainer.callbacks.checkpoint"
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

    @property
    def tested(self) -> Path | None:
        """The checkpoint it tests, None if it trains."""
        if self.source is None or self.row.command == "fit":
            return None
        return RunFolder(self.source.folder).newest_checkpoint

    @cached_property
    def words(self) -> Sequence[str]:
        source = None if self.source is None else self.source.folder
        last = () if self.tested is None else (f"--ckpt_path={self.tested}",)
        return [*_words(self.row, source), *last, *_options(self._seeds)]

    @cached_property
    def settings(self) -> Settings:
        """What its config will be."""
        # Where the source lies, only the parser knows the key of.
        own = {key: self._of_source(value) for key, value in self._of_row.items()}
        return {**own, **{key_of(name): seed for name, seed in self._seeds.items()}}

    def _of_source(self, value: Any) -> Any:
        """A setting that is the source's folder, or a file there, as it is for this cell."""
        if self.source is None or not isinstance(value, str | Path):
            return value
        path = Path(value)
        within = self._any_source in (path, *path.parents)
        return str(self.source.folder / path.relative_to(self._any_source)) if within else value

    @property
    def _seeds(self) -> dict[str, int]:
        given = self.row.overrides
        own = [name for name in SEEDS if key_of(name) in self._of_row and name not in given]
        return dict.fromkeys(("seed_everything", *own), self.seed)

    @property
    def _any_source(self) -> Path:
        """A folder in the source's place that is the same for all cells of a row, and no run's."""
        return self.out / str(self.row.source) / "of-its-seed"

    @cached_property
    def _of_row(self) -> Settings:
        """The config that a row's cells have in common, which has to be resolved only once."""
        try:
            return settings_of(self.resolve(tuple(_words(self.row, self._any_source)[1:])))
        except (ArgumentError, OSError, ValueError) as error:
            raise ValueError(
                f"Row `{self.row.name}` must be a command that can run, found in it: {error}"
            ) from error


def _words(row: Row, source: Path | None) -> list[str]:
    configs = [word for config in row.configs for word in ("--config", str(config))]
    words = _options(row.overrides)
    if row.source is not None and row.command == "fit":
        placed = [word.replace(SOURCE, str(source)) for word in words]
        # Whoever names no file of the source's means its network.
        words = placed if placed != words else [*words, f"--{CHECKPOINT}={source}"]
    return [row.command, *configs, *words]


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
