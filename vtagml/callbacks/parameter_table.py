"""What of a network trains: a table at the start of training."""

from collections.abc import Iterator
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
from vtagml.multitask import multitask
from vtagml.run_folder import PARAMETERS, to_json

DEPTH = 2  # Encoder and decoders, and what they consist of.
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

    Leaves `parameters.json` in the run's folder and logs the totals (`parameters/trainable`,
    `parameters/frozen`, `parameters/total`), and the table to loggers that take tables.
    """

    def __init__(self) -> None:
        self._attempt = Attempt("The table of parameters")

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        rows = count_parameters(multitask(pl_module).network)
        with self._attempt():
            get_console().print(parameter_table(rows))
            whole = total(rows)
            content = {"parts": [_numbers(row) for row in rows], "total": _numbers(whole)}
            keep(trainer, PARAMETERS, to_json(content))
            names = ("trainable", "frozen", "total")
            logged = {f"parameters/{name}": float(getattr(whole, name)) for name in names}
            log_numbers(trainer, logged, trainer.global_step)
            table: list[list[Cell]] = [
                [row.part, row.trainable, row.frozen, row.total] for row in (*rows, whole)
            ]
            log_table(trainer, "parameters/table", ("part", *names), table, trainer.global_step)


def count_parameters(module: nn.Module) -> list[Parameters]:
    """Counts the parameters of every part of a network, each parameter once.

    Parts are the children of its children; a `ModuleDict` counts as no level, so that decoders in
    one are listed by task. A parameter that parts share belongs to the first. Parts without
    parameters are left out.
    """
    seen: set[int] = set()
    rows = []
    for name, owner, recurse in _parts(module, "", DEPTH):
        new = [p for p in owner.parameters(recurse=recurse) if id(p) not in seen]
        seen.update(map(id, new))
        trainable = sum(p.numel() for p in new if p.requires_grad)
        frozen = sum(p.numel() for p in new) - trainable
        if new:
            rows.append(Parameters(name or "network", trainable, frozen))
    return rows


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


def _parts(module: nn.Module, name: str, depth: int) -> Iterator[tuple[str, nn.Module, bool]]:
    children = list(module.named_children())
    if depth == 0 or not children:
        yield name, module, True
        return
    yield name, module, False  # What it holds itself, beside its children.
    for child_name, child in children:
        container = isinstance(child, nn.ModuleDict)
        # `decoders.decoders.depth` says no more than `decoders.depth`.
        repeated = container and child_name == name.rpartition(".")[2]
        path = name if repeated else f"{name}.{child_name}" if name else child_name
        below = depth if container else depth - 1
        yield from _parts(child, path, below)


def _cells(row: Parameters) -> list[str]:
    share = 100 * row.trainable / row.total if row.total else 0.0
    *groups, name = row.part.split(".")
    shown = INDENT * len(groups) + name
    return [shown, f"{row.trainable:,}", f"{row.frozen:,}", f"{row.total:,}", f"{share:.1f}"]


def _numbers(row: Parameters) -> dict[str, Any]:
    share = row.trainable / row.total if row.total else 0.0
    return {**asdict(row), "total": row.total, "trainable_share": share}
