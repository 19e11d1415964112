"""What of a network trains: a table at the start of training."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lightning import Callback, LightningModule, Trainer
from rich import get_console
from rich.box import SIMPLE_HEAD
from rich.table import Table
from torch import nn

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


@dataclass(frozen=True)
class Parameters:
    """How many numbers a part of a network holds."""

    part: str
    trainable: int
    frozen: int

    @property
    def total(self) -> int:
        return self.trainable + self.frozen


class ParameterTable(Callback):
    """Prints trainable and frozen parameters of every part of the network when training starts.

    And of every role: the frozen backbone, what tunes it for all tasks and for each, decoders and
    their heads; what of them trains, is stored, and is left in the form for inference.

    Leaves `parameters.json` in the run's folder and logs the totals (`parameters/trainable`,
    `parameters/frozen`, `parameters/total`), and the table to loggers that take tables.
    """

    def __init__(self) -> None:
        self._attempt = Attempt("The table of parameters")
        self._inference = Attempt("The inference form, whose parameters are to be counted,")

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        network = multitask(pl_module).network
        rows = count_parameters(network)
        with self._attempt():
            get_console().print(parameter_table(rows))
            deployed, size = None, data_of(trainer).image_size
            with self._inference():
                deployed = None if size is None else baked(faded_in_the_end(network), size)
            counted = counts(network, deployed)
            get_console().print(role_table(of_roles(counted)))
            whole = total(rows)
            content: dict[str, Any] = {
                "parts": [_numbers(row) for row in rows],
                "total": _numbers(whole),
            }
            content["roles"] = by_role(counted)
            keep(trainer, PARAMETERS, to_json(content))
            names = ("trainable", "frozen", "total")
            logged = {f"parameters/{name}": float(getattr(whole, name)) for name in names}
            log_numbers(trainer, logged, trainer.global_step)
            table: list[list[Cell]] = [
                [row.part, row.trainable, row.frozen, row.total] for row in (*rows, whole)
            ]
            log_table(trainer, "parameters/table", ("part", *names), table, trainer.global_step)


def by_role(counted: Mapping[Key, Count]) -> dict[str, Any]:
    """Returns the counts of every role, and of the parts that it has numbers in."""
    return {
        role: {
            **asdict(count),
            "parts": {part: asdict(each) for (part, own), each in counted.items() if own is role},
        }
        for role, count in of_roles(counted).items()
    }


def role_table(roles: Mapping[Role, Count]) -> Table:
    """Returns the table for the terminal."""
    table = Table(title="Their roles", title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    table.add_column("role", no_wrap=True)
    for column in ("trained", "stored", "deployed"):
        table.add_column(column, justify="right", no_wrap=True)
    for role, count in roles.items():
        table.add_row(role, *_shown(count), style="" if count.trained else "dim")
    table.add_section()
    table.add_row("total", *_shown(sum(roles.values(), Count())), style="bold")
    return table


def _shown(count: Count) -> list[str]:
    return ["–" if number is None else f"{number:,}" for number in asdict(count).values()]


def count_parameters(module: nn.Module) -> list[Parameters]:
    """Counts the parameters of every part of a network, each parameter once.

    Parts are the children of its children; a `ModuleDict` counts as no level, so that decoders in
    one are listed by task. A parameter that parts share belongs to the first. Parts without
    parameters are left out.
    """
    rows: dict[str, Parameters] = {}
    for part, _, parameter in parameters_of(module):
        before, number = rows.get(part, Parameters(part, 0, 0)), parameter.numel()
        trained = number if parameter.requires_grad else 0
        trainable, frozen = before.trainable + trained, before.frozen + number - trained
        rows[part] = Parameters(part, trainable, frozen)
    return list(rows.values())


def total(rows: list[Parameters]) -> Parameters:
    return Parameters("total", sum(row.trainable for row in rows), sum(row.frozen for row in rows))


def parameter_table(rows: list[Parameters]) -> Table:
    """Returns the table for the terminal; percentages are of each part's total.

    Parts stand below what they are parts of, by the last word of their names: the whole of
    `encoder.adapters.stage3_block15` and four numbers of nine digits fit no line of 80 characters.
    """
    table = Table(title="Parameters", title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    table.add_column("part", no_wrap=True)
    for column in ("trainable", "frozen", "total", "trainable %"):
        table.add_column(column, justify="right", no_wrap=True)
    above: list[str] = []
    for row in rows:
        path = row.part.split(".")
        for depth in range(len(path) - 1):
            if above[: depth + 1] != path[: depth + 1]:
                table.add_row(INDENT * depth + path[depth])
        table.add_row(*_cells(row), style="" if row.trainable else "dim")
        above = path
    table.add_section()
    table.add_row(*_cells(total(rows)), style="bold")
    return table


def _cells(row: Parameters) -> list[str]:
    share = 100 * row.trainable / row.total if row.total else 0.0
    *groups, name = row.part.split(".")
    shown = INDENT * len(groups) + name
    return [shown, f"{row.trainable:,}", f"{row.frozen:,}", f"{row.total:,}", f"{share:.1f}"]


def _numbers(row: Parameters) -> dict[str, Any]:
    share = row.trainable / row.total if row.total else 0.0
    return {**asdict(row), "total": row.total, "trainable_share": share}
