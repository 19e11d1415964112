"""What of a network trains: a table at the start of training."""

import warnings
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from lightning import Callback, LightningModule, Trainer
from rich import get_console
from rich.box import SIMPLE_HEAD
from rich.table import Table

from vtagml.attempt import Attempt
from vtagml.callbacks.kept_files import keep
from vtagml.callbacks.publish import Cell, log_numbers, log_table
from vtagml.data import data_of
from vtagml.experts import faded_in_the_end
from vtagml.inference.baked import baked
from vtagml.multitask import multitask
from vtagml.parameter_roles import Count, Key, Role, counts, of_roles, parameters_of
from vtagml.run_folder import PARAMETERS, to_json

INDENT = "  "
NUMBERS = ("trainable", "frozen", "total")


class ParameterTable(Callback):
    """Prints trainable and frozen parameters of every part of the network when training starts.

    And of every role: the frozen backbone, what tunes it for all tasks and for each, decoders and
    their heads; what of them trains, is stored, and is left in the form for inference.

    Leaves `parameters.json` in the run's folder and logs the totals (`parameters/trainable`,
    `parameters/frozen`, `parameters/total`), and the table to loggers that take tables.

    Warns after the first backward of what is counted as trained but no loss reaches.
    """

    def __init__(self) -> None:
        self._has_looked = False
        self._attempt = Attempt("The table of parameters")
        self._inference = Attempt("The inference form, whose parameters are to be counted,")

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        network = multitask(pl_module).network
        with self._attempt():
            deployed, size = None, data_of(trainer).image_size
            with self._inference():
                deployed = None if size is None else baked(faded_in_the_end(network), size)
            counted = counts(network, deployed)
            parts = by_part(counted)
            get_console().print(parameter_table(parts))
            get_console().print(role_table(of_roles(counted)))
            rows = [_numbers(part, count) for part, count in parts.items()]
            whole = _numbers("total", _sum(parts))
            content = {"parts": rows, "total": whole, "roles": by_role(counted)}
            keep(trainer, PARAMETERS, to_json(content))
            logged = {f"parameters/{name}": float(whole[name]) for name in NUMBERS}
            log_numbers(trainer, logged, trainer.global_step)
            columns = ("part", *NUMBERS)
            table: list[list[Cell]] = [[row[name] for name in columns] for row in (*rows, whole)]
            log_table(trainer, "parameters/table", columns, table, trainer.global_step)

    def on_after_backward(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._has_looked or not trainer.is_global_zero:
            return
        self._has_looked = True
        named = parameters_of(multitask(pl_module).network)
        idle = [(part, each) for part, _, each in named if each.requires_grad and each.grad is None]
        if idle:
            parts = ", ".join(dict.fromkeys(part for part, _ in idle))
            count = sum(each.numel() for _, each in idle)
            warnings.warn(
                f"{count:,} parameters of {parts} are to train, but no loss reaches them: the "
                "decoders do not read all levels that the encoder makes. Several processes then "
                "need `--trainer.strategy ddp_find_unused_parameters_true`.",
                stacklevel=2,
            )


def by_part(counted: Mapping[Key, Count]) -> dict[str, Count]:
    """Adds the roles of each part up that the network has as it trains."""
    parts: dict[str, Count] = {}
    for (part, _), count in counted.items():
        if count.stored:
            parts[part] = parts.get(part, Count()) + count
    return parts


def by_role(counted: Mapping[Key, Count]) -> dict[str, Any]:
    """Returns the counts of every role, and of the parts that it has numbers in."""
    return {
        role: {
            **asdict(count),
            "parts": {part: asdict(each) for (part, own), each in counted.items() if own is role},
        }
        for role, count in of_roles(counted).items()
    }


def parameter_table(parts: Mapping[str, Count]) -> Table:
    """Returns the table for the terminal; percentages are of each part's total.

    Parts stand below what they are parts of, by the last word of their names: the whole of
    `encoder.adapters.stage3_block15` and four numbers of nine digits fit no line of 80 characters.
    """
    table = _table("Parameters", "part", *NUMBERS, "trainable %")
    above: list[str] = []
    for part, count in parts.items():
        path = part.split(".")
        for depth in range(len(path) - 1):
            if above[: depth + 1] != path[: depth + 1]:
                table.add_row(INDENT * depth + path[depth])
        table.add_row(*_cells(part, count), style="" if count.trained else "dim")
        above = path
    table.add_section()
    table.add_row(*_cells("total", _sum(parts)), style="bold")
    return table


def role_table(roles: Mapping[Role, Count]) -> Table:
    """Returns the table for the terminal."""
    table = _table("Their roles", "role", "trained", "stored", "deployed")
    for role, count in roles.items():
        table.add_row(role, *_shown(count), style="" if count.trained else "dim")
    table.add_section()
    table.add_row("total", *_shown(_sum(roles)), style="bold")
    return table


def _table(title: str, first: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    table.add_column(first, no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _sum(counted: Mapping[Any, Count]) -> Count:
    return sum(counted.values(), Count())


def _numbers(part: str, count: Count) -> dict[str, Any]:
    frozen = count.stored - count.trained
    share = count.trained / count.stored if count.stored else 0.0
    numbers = zip(NUMBERS, (count.trained, frozen, count.stored), strict=True)
    return {"part": part, **dict(numbers), "trainable_share": share}


def _cells(part: str, count: Count) -> list[str]:
    numbers = _numbers(part, count)
    *groups, name = part.split(".")
    shown = INDENT * len(groups) + name
    counted = (f"{numbers[each]:,}" for each in NUMBERS)
    return [shown, *counted, f"{100 * numbers['trainable_share']:.1f}"]


def _shown(count: Count) -> list[str]:
    return ["–" if number is None else f"{number:,}" for number in asdict(count).values()]
