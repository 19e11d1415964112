"""The tables of a benchmark: a row per method; what was not run is empty, with its command."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vtagml.benchmark.cells import Cell
from vtagml.benchmark.outcome import Outcome, State
from vtagml.benchmark.plan import Plan, Row, Setting
from vtagml.callbacks.kept_files import to_json
from vtagml.launching import as_typed
from vtagml.metrics.unit import EMPTY
from vtagml.report import (
    Comparison,
    Method,
    Run,
    Sheet,
    Spread,
    compare,
    refuse_mix,
    results,
    warnings_of,
)
from vtagml.report.comparison import PRIOR
from vtagml.report.formats import markdown
from vtagml.report.record import look_up


@dataclass(frozen=True)
class SettingTable:
    """One setting, as far as it was run.

    Attributes:
        setting: Of the plan.
        cells: Of the setting, with how far each is.
        sheet: Rows × metrics.
        comparison: What the numbers are of; None where there are none.
        refusal: Why the runs cannot stand in one table, where they cannot.
        warnings: What may stand in one table, but must be said.
    """

    setting: Setting
    cells: Mapping[Cell, Outcome]
    sheet: Sheet
    comparison: Comparison | None = None
    refusal: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def finished(self) -> dict[Cell, Run]:
        return finished(self.cells)


def finished(cells: Mapping[Cell, Outcome]) -> dict[Cell, Run]:
    """The runs of the cells that are as the plan says."""
    done = {cell: out.run for cell, out in cells.items() if out.state is State.FINISHED}
    return {cell: run for cell, run in done.items() if run is not None}


def setting_tables(plan: Plan, outcomes: Mapping[Cell, Outcome]) -> list[SettingTable]:
    """Makes the tables of all settings from what is finished."""
    return [
        _table(setting, {cell: out for cell, out in outcomes.items() if cell.row in setting.rows})
        for setting in plan.settings
    ]


def _table(setting: Setting, cells: Mapping[Cell, Outcome]) -> SettingTable:
    done = finished(cells).items()
    runs = {row.name: tuple(run for cell, run in done if cell.row is row) for row in setting.rows}
    methods = {
        row.name: Method(row.title, runs[row.name]) for row in setting.rows if runs[row.name]
    }
    bare = Sheet(("method", "seeds"), tuple((row.title, _seeds(row, 0)) for row in setting.rows))
    if not methods:
        return SettingTable(setting, cells, bare)
    try:
        refuse_mix([run for _, run in done])
    except ValueError as error:
        return SettingTable(setting, cells, bare, refusal=str(error))
    base = methods.get(setting.baseline or "")
    comparison = compare(list(methods.values()), [base.name] if base else [])
    warnings = warnings_of(list(methods.values()))
    sheet = _filled(setting, methods, results(comparison))
    return SettingTable(setting, cells, sheet, comparison, None, tuple(warnings))


def _filled(setting: Setting, methods: Mapping[str, Method], measured: Sheet) -> Sheet:
    """The measured rows in the plan's order, empty ones between them, the prior above."""
    own = {row[0]: row for row in measured.rows}
    rows = [own[PRIOR]] if PRIOR in own else []
    for row in setting.rows:
        method = methods.get(row.name)
        cells = own[row.title][2:] if method else (EMPTY,) * (len(measured.header) - 2)
        rows.append((row.title, _seeds(row, len(method.runs) if method else 0), *cells))
    return Sheet(measured.header, tuple(rows))


def _seeds(row: Row, count: int) -> str:
    return str(count) if count == len(row.seeds) else f"{count} of {len(row.seeds)}"


def table_files(plan: Plan, tables: Sequence[SettingTable]) -> dict[str, bytes]:
    """Returns `table.md` and `table.json`."""
    parts = [f"# Benchmark `{plan.path}`", *(part for table in tables for part in _section(table))]
    text = "\n\n".join(part.strip("\n") for part in parts if part.strip()) + "\n"
    content = {"plan": str(plan.path), "settings": [_content(table) for table in tables]}
    return {"table.md": text.encode(), "table.json": to_json(content)}


def _section(table: SettingTable) -> list[str]:
    parts = [f"## {table.setting.title}", table.refusal or "", markdown(table.sheet)]
    if table.comparison:
        parts += [_listed(table.comparison.notes)]
    if table.warnings:
        parts += ["Beware:", _listed(table.warnings)]
    if runs := table.finished:
        origins = [
            f"{cell.row.title}: `{run.folder}`, {_commit(run)}, `{run.provenance.get('command')}`"
            for cell, run in runs.items()
        ]
        report = as_typed(["report", *(str(cell.folder) for cell in runs)])
        parts += ["Where each number comes from:", _listed(origins), f"`{report}` has the rest."]
    if lacking := [_lacking(*item) for item in table.cells.items() if item[0] not in runs]:
        parts += ["Not in the table:", _listed(lacking)]
    return parts


def _lacking(cell: Cell, outcome: Outcome) -> str:
    state = "failed" if outcome.failure else outcome.state.value
    text = f"{cell.name}, {state}: `{_to_run(cell, outcome)}`"
    text += "".join(f"\n  - {change}" for change in outcome.changes)
    if outcome.failure:
        lines = outcome.failure.splitlines()
        text += "\n\n" + "\n".join(f"      {line}" for line in lines) + "\n"
    return text


def _to_run(cell: Cell, outcome: Outcome) -> str:
    return as_typed(cell.command(outcome.state is State.BROKEN_OFF))


def _listed(items: Sequence[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


def _commit(run: Run) -> str:
    commit = look_up(run.provenance, "commit") or {}
    changed = " with changes" if commit.get("dirty") else ""
    return f"{commit['hash']}{changed}" if commit.get("hash") else "no commit"


def _content(table: SettingTable) -> dict[str, Any]:
    setting = table.setting
    return {
        "name": setting.name,
        "title": setting.title,
        "baseline": setting.baseline,
        "refusal": table.refusal,
        "rows": [_row_content(row, table) for row in setting.rows],
    }


def _row_content(row: Row, table: SettingTable) -> dict[str, Any]:
    rows = table.comparison.rows if table.comparison else ()
    measured = next((own for own in rows if own.method and own.name == row.title), None)
    values = measured.values if measured else {}
    return {
        "name": row.name,
        "title": row.title,
        "metrics": {"/".join(key): _spread(value) for key, value in values.items()},
        "delta_m_percent": _spread(measured.delta) if measured and measured.delta else None,
        "cells": [_cell_content(*item) for item in table.cells.items() if item[0].row is row],
    }


def _spread(spread: Spread) -> dict[str, float | int | None]:
    return {"mean": spread.mean, "sd": spread.deviation, "seeds": spread.count}


def _cell_content(cell: Cell, outcome: Outcome) -> dict[str, Any]:
    run = outcome.run
    return {
        "seed": cell.seed,
        "state": outcome.state.value,
        "changes": list(outcome.changes),
        "failure": outcome.failure,
        "folder": str(cell.folder),
        "command": run.provenance.get("command") if run else None,
        "to_run": _to_run(cell, outcome),
        "commit": look_up(run.provenance, "commit") if run else None,
        "metrics": run.metrics if run else None,
    }
