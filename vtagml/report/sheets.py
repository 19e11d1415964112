"""A comparison as tables of words: for readers, for programs, and where each row comes from."""

import json
import math
from collections.abc import Mapping, Sequence

from vtagml.report.comparison import REPORTED, Comparison, Row
from vtagml.report.formats import EMPTY, Sheet
from vtagml.report.record import look_up
from vtagml.report.reported import Reported
from vtagml.report.runs import Run
from vtagml.report.statistics import Spread
from vtagml.report.units import ARROWS, HIGHER_IN_PAPERS, METRICS, shown

MILLION = 1e6
DELTA = "Δm % ↑"
SOURCE = (
    "run",
    "seeds",
    "commit",
    "date",
    "command",
    "versions",
    "data",
    "backbone",
    "weights",
    "hardware",
    "precision",
    "checkpoint",
)


def readers(comparison: Comparison) -> Sheet:
    """The table that people read: rounded, with units."""
    left, right = results(comparison), costs(comparison)
    rows = (one + other[1:] for one, other in zip(left.rows, right.rows, strict=True))
    return Sheet(left.header + right.header[1:], tuple(rows), left.best)


def results(comparison: Comparison) -> Sheet:
    header = ["method", "seeds", *map(comparison.heading, comparison.columns)]
    header += [DELTA] if comparison.has_delta else []
    rows = []
    for row in comparison.rows:
        cells = [_name(row), str(row.seeds) if row.seeds else EMPTY]
        cells += [_metric(row, key) for key in comparison.columns]
        cells += [_spread(row.delta, 2, signed=True)] if comparison.has_delta else []
        rows.append(tuple(cells))
    return Sheet(tuple(header), tuple(rows), _best(comparison))


def _best(comparison: Comparison) -> frozenset[tuple[int, int]]:
    """Where the best measured values stand: those that are equal as printed share the place.

    What is reported, or never looked at an image, does not compete.
    """
    measured = [place for place, row in enumerate(comparison.rows) if row.method is not None]
    found = set()
    for column, (key, better) in enumerate(comparison.columns.items(), start=2):
        _, factor, decimals = shown(key[1])
        values = {
            place: round(value.mean * factor, decimals)
            for place in measured
            if (value := comparison.rows[place].values.get(key)) is not None
        }
        found |= {(place, column) for place in _leaders(values, better)}
    deltas = {
        place: round(value.mean, 2)
        for place in measured
        if (value := comparison.rows[place].delta) is not None
    }
    last = 2 + len(comparison.columns)
    return frozenset(found | {(place, last) for place in _leaders(deltas, True)})


def _leaders(values: Mapping[int, float], better: bool | None) -> list[int]:
    known = {place: value for place, value in values.items() if not math.isnan(value)}
    if better is None or len(known) < 2:
        return []
    best = max(known.values()) if better else min(known.values())
    return [place for place, value in known.items() if value == best]


def costs(comparison: Comparison) -> Sheet:
    rows = (
        (
            _name(row),
            _millions(row.trainable),
            _millions(row.total),
            ", ".join(map(str, row.steps)) or EMPTY,
            _spread(row.seconds, 3),
        )
        for row in comparison.rows
    )
    return Sheet(("method", "trainable M", "total M", "steps", "step s"), tuple(rows))


def _name(row: Row) -> str:
    return f"{row.name} ({REPORTED}: {row.source})" if row.source else row.name


def _metric(row: Row, key: tuple[str, str]) -> str:
    _, factor, decimals = shown(key[1])
    value = row.values.get(key)
    if value is not None and row.source:
        return _as_printed(round(value.mean * factor, 4), decimals)
    return _spread(value, decimals, factor)


def _spread(value: Spread | None, decimals: int, factor: float = 1.0, signed: bool = False) -> str:
    if value is None or math.isnan(value.mean):
        return EMPTY
    sign = "+" if signed else ""
    text = f"{value.mean * factor:{sign}.{decimals}f}".replace("-", "−")
    if value.deviation is None:
        return text
    return f"{text} ± {value.deviation * factor:.{decimals}f}"


def _millions(count: int | None) -> str:
    return EMPTY if count is None else f"{count / MILLION:.2f}"


def programs(comparison: Comparison) -> Sheet:
    """The same for programs: full precision, in the units that runs keep; empty where unknown."""
    header = ["method", "kind", "source", "seeds"]
    for task, metric in comparison.columns:
        header += [f"{task}/{metric}", f"{task}/{metric}/sd"]
    header += ["delta_m_percent", "delta_m_percent/sd", "trainable", "total", "steps"]
    header += ["step_seconds", "step_seconds/sd"]
    rows = []
    for row in comparison.rows:
        kind = REPORTED if row.source else "measured" if row.method else "prior"
        cells = [row.name, kind, row.source or "", str(row.seeds)]
        for key in comparison.columns:
            cells += _pair(row.values.get(key))
        cells += [*_pair(row.delta), _whole(row.trainable), _whole(row.total)]
        cells += [" ".join(map(str, row.steps)), *_pair(row.seconds)]
        rows.append(tuple(cells))
    return Sheet(tuple(header), tuple(rows))


def _pair(value: Spread | None) -> list[str]:
    if value is None or math.isnan(value.mean):
        return ["", ""]
    return [repr(value.mean), "" if value.deviation is None else repr(value.deviation)]


def _whole(value: int | None) -> str:
    return "" if value is None else str(value)


def sources(comparison: Comparison) -> Sheet:
    """Where every number comes from: a line per run."""
    rows = [(method.name, *source(run)) for method in comparison.methods for run in method.runs]
    return Sheet(("method", *SOURCE), tuple(rows))


def source(run: Run) -> tuple[str, ...]:
    found = run.provenance
    commit = look_up(found, "commit.hash")
    changed = " with changes" if look_up(found, "commit.dirty") else ""
    return (
        str(run.folder),
        ", ".join(map(str, run.seeds)),
        f"{commit}{changed}" if commit else EMPTY,
        str(found.get("date") or EMPTY),
        str(found.get("command") or EMPTY),
        _settings(found.get("versions")),
        f"{look_up(found, 'data.class')}: {_settings(look_up(found, 'data.settings'))}",
        str(look_up(found, "backbone.architecture") or EMPTY),
        str(look_up(found, "backbone.weights") or EMPTY),
        _settings(found.get("hardware")),
        str(found.get("precision") or EMPTY),
        str(found.get("checkpoint") or EMPTY),
    )


def _settings(content: object) -> str:
    if not isinstance(content, dict):
        return EMPTY
    parts = (f"{key}={json.dumps(each, ensure_ascii=False)}" for key, each in content.items())
    return ", ".join(parts).replace('"', "")


def printed(table: Reported) -> Sheet:
    """A paper's table as it is printed there, wide."""
    return _part(table, list(range(len(table.columns))), whole=True)


def parts(table: Reported) -> dict[str, Sheet]:
    """The same in parts that fit a page: for each dataset and its tasks a table."""
    places: dict[str, list[int]] = {}
    for place, column in enumerate(table.columns):
        places.setdefault(f"{column.dataset}, {column.tasks}", []).append(place)
    return {name: _part(table, own, whole=False) for name, own in places.items()}


def _part(table: Reported, places: Sequence[int], whole: bool) -> Sheet:
    header = ["method"]
    decimals = {}
    for place in places:
        column = table.columns[place]
        known = column.metric in METRICS
        name = METRICS[column.metric].name if known else f"{column.metric} ({column.unit})"
        decimals[place] = shown(column.metric).decimals if known else 0
        better = ARROWS[column.metric in HIGHER_IN_PAPERS]
        where = f"{column.dataset} {column.tasks}: " if whole else ""
        header.append(f"{where}{column.task} {name} {better}")
    rows = (
        (
            f"{method} ({REPORTED})",
            *(_as_printed(numbers[place], decimals[place]) for place in places),
        )
        for method, numbers in table.rows.items()
    )
    return Sheet(tuple(header), tuple(rows))


def _as_printed(number: float | None, decimals: int) -> str:
    """A number with all its digits, and no fewer than tables have here."""
    if number is None:
        return EMPTY
    own = len(f"{number:g}".partition(".")[2])
    return f"{number:.{max(own, decimals)}f}"


def traces(comparison: Comparison) -> Sequence[str]:
    """One short line per row, for formats in which no second table fits."""
    said = []
    for row in comparison.rows:
        if row.source:
            said.append(f"{row.name}: {REPORTED}, {row.source}")
        for run in row.method.runs if row.method else ():
            commit = look_up(run.provenance, "commit.hash") or "no commit"
            said.append(f"{row.name}: {run.folder}, {commit}, {run.provenance.get('command')}")
    return said
