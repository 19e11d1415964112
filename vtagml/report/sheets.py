"""A comparison as tables of words: for readers, for programs, and where each row comes from."""

import json
import math
from collections.abc import Mapping, Sequence

from vtagml.metrics.unit import EMPTY, Unit
from vtagml.report.comparison import REPORTED, Comparison, Key, Row
from vtagml.report.formats import Sheet
from vtagml.report.runs import Run
from vtagml.report.statistics import Spread

MILLIONS = Unit("M", 2, 1e-6)
SECONDS = Unit("step s")
DELTA = Unit("Δm %", 2)


def readers(comparison: Comparison) -> Sheet:
    """The table that people read: rounded, with units."""
    left, right = results(comparison), costs(comparison)
    rows = (one + other[1:] for one, other in zip(left.rows, right.rows, strict=True))
    return Sheet(left.header + right.header[1:], tuple(rows), left.best)


def results(comparison: Comparison) -> Sheet:
    header = ["method", "seeds", *map(comparison.heading, comparison.columns)]
    header += [DELTA.heading(True)] if comparison.has_delta else []
    rows = []
    for row in comparison.rows:
        cells = [_name(row), str(len(row.runs) or EMPTY)]
        cells += [_metric(row, key, column.unit) for key, column in comparison.columns.items()]
        cells += [_signed(_spread(row.delta, DELTA))] if comparison.has_delta else []
        rows.append(tuple(cells))
    return Sheet(tuple(header), tuple(rows), _best(comparison))


def _best(comparison: Comparison) -> frozenset[tuple[int, int]]:
    """Where the best measured values stand: those that are equal as printed share the place.

    What is reported, or never looked at an image, does not compete.
    """
    measured = {place: row for place, row in enumerate(comparison.rows) if row.method is not None}
    columns = [
        ({place: row.values.get(key) for place, row in measured.items()}, *column)
        for key, column in comparison.columns.items()
    ]
    columns.append(({place: row.delta for place, row in measured.items()}, DELTA, True))
    return frozenset(
        (place, column)
        for column, (spreads, unit, better) in enumerate(columns, start=2)
        for place in _leaders(spreads, unit, better)
    )


def _leaders(spreads: Mapping[int, Spread | None], unit: Unit, better: bool | None) -> list[int]:
    known = {
        place: round(spread.mean * unit.factor, unit.decimals)
        for place, spread in spreads.items()
        if spread is not None and not math.isnan(spread.mean)
    }
    if better is None or len(known) < 2:
        return []
    best = max(known.values()) if better else min(known.values())
    return [place for place, value in known.items() if value == best]


def costs(comparison: Comparison) -> Sheet:
    return _sheet(
        [
            {
                "method": _name(row),
                "trainable M": _millions(row.trainable),
                "total M": _millions(row.total),
                "steps": ", ".join(map(str, row.steps)) or EMPTY,
                SECONDS.name: _spread(row.seconds, SECONDS),
            }
            for row in comparison.rows
        ]
    )


def _sheet(lines: Sequence[Mapping[str, str]]) -> Sheet:
    return Sheet(tuple(lines[0]), tuple(tuple(line.values()) for line in lines))


def _name(row: Row) -> str:
    return f"{row.name} ({REPORTED}: {row.source})" if row.source else row.name


def _metric(row: Row, key: Key, unit: Unit) -> str:
    value = row.values.get(key)
    if value is not None and row.source:
        return _as_printed(round(value.mean * unit.factor, 4), unit)
    return _spread(value, unit)


def _spread(value: Spread | None, unit: Unit) -> str:
    if value is None or math.isnan(value.mean):
        return EMPTY
    text = unit.written(value.mean)
    return text if value.deviation is None else f"{text} ± {unit.written(value.deviation)}"


def _signed(text: str) -> str:
    return text if text.startswith(("−", EMPTY)) else f"+{text}"


def _millions(count: int | None) -> str:
    return EMPTY if count is None else MILLIONS.written(float(count))


def programs(comparison: Comparison) -> Sheet:
    """The same for programs: full precision, in the units that runs keep; empty where unknown."""
    lines = []
    for row in comparison.rows:
        kind = REPORTED if row.source else "measured" if row.method else "prior"
        line = {"method": row.name, "kind": kind, "source": row.source or ""}
        line["seeds"] = str(len(row.runs))
        for key in comparison.columns:
            line |= _digits("/".join(key), row.values.get(key))
        line |= _digits("delta_m_percent", row.delta)
        line |= {"trainable": whole(row.trainable), "total": whole(row.total)}
        line["steps"] = " ".join(map(str, row.steps))
        lines.append(line | _digits("step_seconds", row.seconds))
    return _sheet(lines)


def _digits(name: str, value: Spread | None) -> dict[str, str]:
    if value is None or math.isnan(value.mean):
        return {name: "", f"{name}/sd": ""}
    deviation = "" if value.deviation is None else repr(value.deviation)
    return {name: repr(value.mean), f"{name}/sd": deviation}


def whole(value: int | None) -> str:
    return "" if value is None else str(value)


def sources(comparison: Comparison) -> Sheet:
    """Where every number comes from: a line per run."""
    return _sheet(
        [
            {"method": method.name, **source(run)}
            for method in comparison.methods
            for run in method.runs
        ]
    )


def source(run: Run) -> dict[str, str]:
    def text(path: str) -> str:
        return str(run.recorded(path) or EMPTY)

    return {
        "run": str(run.folder),
        "seeds": ", ".join(map(str, run.seeds)),
        "commit": run.commit or EMPTY,
        "date": text("date"),
        "command": text("command"),
        "versions": _settings(run.recorded("versions")),
        "data": f"{run.recorded('data.class')}: {_settings(run.recorded('data.settings'))}",
        "backbone": text("backbone.architecture"),
        "weights": text("backbone.weights"),
        "hardware": _settings(run.recorded("hardware")),
        "precision": text("precision"),
        "checkpoint": text("checkpoint"),
    }


def _settings(content: object) -> str:
    if not isinstance(content, dict):
        return EMPTY
    parts = (f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in content.items())
    return ", ".join(parts).replace('"', "")


def _as_printed(number: float, unit: Unit) -> str:
    """A number with all its digits, and no fewer than tables have here."""
    own = len(f"{number:g}".partition(".")[2])
    return f"{number:.{max(own, unit.decimals)}f}"


def traces(comparison: Comparison) -> Sequence[str]:
    """One short line per row, for formats in which no second table fits."""
    lines = []
    for row in comparison.rows:
        if row.source:
            lines.append(f"{row.name}: {REPORTED}, {row.source}")
        for run in row.runs:
            commit = run.recorded("commit.hash") or "no commit"
            lines.append(f"{row.name}: {run.folder}, {commit}, {run.recorded('command')}")
    return lines
