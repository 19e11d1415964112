"""The tables of a benchmark: a row per method; what was not run is empty, with its command."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vtagml.benchmark.cells import Cell, shown
from vtagml.benchmark.plan import Plan, Row, Setting
from vtagml.benchmark.standing import Standing, State
from vtagml.metrics.unit import EMPTY
from vtagml.report import (
    Comparison,
    Method,
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
from vtagml.run_folder import to_json


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
    cells: Mapping[Cell, Standing]
    sheet: Sheet
    comparison: Comparison | None = None
    refusal: str | None = None
    warnings: tuple[str, ...] = ()


def setting_tables(plan: Plan, standings: Mapping[Cell, Standing]) -> list[SettingTable]:
    """Makes the tables of all settings from what is finished."""
    tables = []
    for setting in plan.settings:
        names = [row.name for row in setting.rows]
        own = {cell: each for cell, each in standings.items() if cell.row.name in names}
        tables.append(_table(setting, own))
    return tables


def _table(setting: Setting, cells: Mapping[Cell, Standing]) -> SettingTable:
    methods: dict[str, Method] = {}
    for row in setting.rows:
        runs = tuple(
            each.run
            for cell, each in cells.items()
            if cell.row is row and each.run is not None and each.state is State.FINISHED
        )
        if runs:
            methods[row.name] = Method(row.title, runs)
    bare = Sheet(("method", "seeds"), tuple((row.title, _seeds(row, 0)) for row in setting.rows))
    if not methods:
        return SettingTable(setting, cells, bare)
    try:
        refuse_mix([run for method in methods.values() for run in method.runs])
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
    said = [f"# Benchmark `{plan.path}`"]
    for table in tables:
        said += _section(table)
    text = "\n\n".join(part.strip("\n") for part in said if part.strip()) + "\n"
    content = {"plan": str(plan.path), "settings": [_content(table) for table in tables]}
    return {"table.md": text.encode(), "table.json": to_json(content)}


def _section(table: SettingTable) -> list[str]:
    said = [f"## {table.setting.title}"]
    if table.refusal:
        said.append(table.refusal)
    said.append(markdown(table.sheet))
    if table.comparison:
        said += [_listed(table.comparison.notes)]
    if table.warnings:
        said += ["Beware:", _listed(table.warnings)]
    if finished := _finished(table):
        said += ["Where each number comes from:", _listed(finished)]
        said += [f"`{shown(['report', *_folders(table)])}` has the rest."]
    if lacking := _lacking(table):
        said += ["Not in the table:", _listed(lacking)]
    return said


def _finished(table: SettingTable) -> list[str]:
    return [
        f"{cell.row.title}: `{each.run.folder}`, {_commit(each)}, "
        f"`{each.run.provenance.get('command')}`"
        for cell, each in table.cells.items()
        if each.run is not None and each.state is State.FINISHED
    ]


def _folders(table: SettingTable) -> list[str]:
    return [
        str(cell.folder)
        for cell, each in table.cells.items()
        if each.run is not None and each.state is State.FINISHED
    ]


def _lacking(table: SettingTable) -> list[str]:
    said = []
    for cell, each in table.cells.items():
        if each.state is State.FINISHED:
            continue
        resume = each.state is State.BROKEN_OFF
        state = "failed" if each.failure else each.state.value
        said.append(f"{cell.name}, {state}: `{shown(cell.words(resume))}`")
        said[-1] += "".join(f"\n  - {why}" for why in each.why)
        if each.failure:
            lines = each.failure.splitlines()
            said[-1] += "\n\n" + "\n".join(f"      {line}" for line in lines) + "\n"
    return said


def _listed(said: Sequence[str]) -> str:
    return "\n".join(f"- {each}" for each in said)


def _commit(each: Standing) -> str:
    commit = look_up(each.run.provenance if each.run else None, "commit") or {}
    changed = " with changes" if commit.get("dirty") else ""
    return f"{commit['hash']}{changed}" if commit.get("hash") else "no commit"


def _content(table: SettingTable) -> dict[str, Any]:
    return {
        "name": table.setting.name,
        "title": table.setting.title,
        "baseline": table.setting.baseline,
        "refusal": table.refusal,
        "rows": [_row_content(row, table) for row in table.setting.rows],
    }


def _row_content(row: Row, table: SettingTable) -> dict[str, Any]:
    measured = table.comparison.rows if table.comparison else ()
    found = next((each for each in measured if each.method and each.name == row.title), None)
    values = found.values if found else {}
    return {
        "name": row.name,
        "title": row.title,
        "metrics": {f"{task}/{metric}": _spread(each) for (task, metric), each in values.items()},
        "delta_m_percent": _spread(found.delta) if found and found.delta else None,
        "cells": [
            _cell_content(cell, each) for cell, each in table.cells.items() if cell.row is row
        ],
    }


def _spread(spread: Spread) -> dict[str, float | int | None]:
    return {"mean": spread.mean, "sd": spread.deviation, "seeds": spread.count}


def _cell_content(cell: Cell, each: Standing) -> dict[str, Any]:
    run = each.run
    return {
        "seed": cell.seed,
        "state": each.state.value,
        "why": list(each.why),
        "failure": each.failure,
        "folder": str(cell.folder),
        "command": run.provenance.get("command") if run else None,
        "to_run": shown(cell.words(each.state is State.BROKEN_OFF)),
        "commit": look_up(run.provenance, "commit") if run else None,
        "metrics": run.metrics if run else None,
    }
