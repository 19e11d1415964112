"""The tables of a benchmark: a row per method; what was not run is empty, with its command."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vtagml.benchmark.cells import Cell
from vtagml.benchmark.outcome import Outcome, State
from vtagml.benchmark.plan import Plan, Row, Setting
from vtagml.launching import as_typed
from vtagml.metrics.unit import EMPTY
from vtagml.report import Method, Run, Sheet, compare, refuse_mix, results, warnings_of
from vtagml.report.comparison import PRIOR
from vtagml.report.formats import markdown


@dataclass(frozen=True)
class SettingTable:
    """One setting, as far as it was run.

    Attributes:
        setting: Of the plan.
        cells: Of the setting, with how far each is.
        sheet: Rows × metrics.
        above: Why the runs cannot stand in one table, where they cannot.
        below: What has to be said of the numbers, as parts of a text.
    """

    setting: Setting
    cells: Mapping[Cell, Outcome]
    sheet: Sheet
    above: str = ""
    below: Sequence[str] = ()


def setting_table(setting: Setting, outcomes: Mapping[Cell, Outcome]) -> SettingTable:
    """Makes the table of a setting from what is finished of it."""
    cells = {cell: out for cell, out in outcomes.items() if cell.row in setting.rows}
    runs = _finished(cells)
    methods = {
        row.name: Method(row.title, own)
        for row in setting.rows
        if (own := tuple(run for cell, run in runs.items() if cell.row is row))
    }
    bare = Sheet(("method", "seeds"), tuple((row.title, _seeds(row, 0)) for row in setting.rows))
    if not methods:
        return SettingTable(setting, cells, bare)
    try:
        refuse_mix(list(runs.values()))
    except ValueError as error:
        return SettingTable(setting, cells, bare, above=str(error))
    base = methods.get(setting.baseline or "")
    comparison = compare(list(methods.values()), [base.name] if base else [])
    sheet = _filled(setting, methods, results(comparison))
    below = [_listed(comparison.notes)]
    if warnings := warnings_of(list(methods.values())):
        below += ["Beware:", _listed(warnings)]
    return SettingTable(setting, cells, sheet, below=below)


def _finished(cells: Mapping[Cell, Outcome]) -> dict[Cell, Run]:
    done = {cell: out.run for cell, out in cells.items() if out.state is State.FINISHED}
    return {cell: run for cell, run in done.items() if run is not None}


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


def table_text(plan: Plan, tables: Sequence[SettingTable]) -> str:
    """Returns all tables in Markdown, with the command of every number and of every empty cell."""
    parts = [f"# Benchmark `{plan.path}`", *(part for table in tables for part in _section(table))]
    return "\n\n".join(part.strip("\n") for part in parts if part.strip()) + "\n"


def _section(table: SettingTable) -> list[str]:
    parts = [f"## {table.setting.title}", table.above, markdown(table.sheet), *table.below]
    if runs := _finished(table.cells):
        origins = [
            f"{cell.row.title}: `{run.folder}`, {run.commit or 'no commit'}, "
            f"`{run.recorded('command')}`"
            for cell, run in runs.items()
        ]
        report = as_typed(["report", *(str(cell.folder) for cell in runs)])
        parts += ["Where each number comes from:", _listed(origins), f"`{report}` has the rest."]
    if lacking := [_lacking(*item) for item in table.cells.items() if item[0] not in runs]:
        parts += ["Not in the table:", _listed(lacking)]
    return parts


def _lacking(cell: Cell, outcome: Outcome) -> str:
    state = State.FAILED if outcome.failure else outcome.state
    command = as_typed(cell.command(outcome.state is State.BROKEN_OFF))
    text = f"{cell.name}, {state.value}: `{command}`"
    text += "".join(f"\n  - {change}" for change in outcome.changes)
    if outcome.failure:
        lines = outcome.failure.splitlines()
        text += "\n\n" + "\n".join(f"      {line}" for line in lines) + "\n"
    return text


def _listed(items: Sequence[str]) -> str:
    return "\n".join(f"- {item}" for item in items)
