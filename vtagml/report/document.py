"""The files of a report: one text with tables and pictures, and each table for other programs."""

import math
from collections.abc import Sequence

from vtagml.drawing import to_png
from vtagml.report.affinities import AffinityComparison
from vtagml.report.affinity_figures import side_by_side, strip
from vtagml.report.comparison import Comparison
from vtagml.report.figures import result_dots, validation_curves
from vtagml.report.formats import EMPTY, Sheet, comma_separated, latex, markdown
from vtagml.report.reported import Reported
from vtagml.report.sheets import parts, printed, programs, readers, sources, traces

FORMATS = ("markdown", "csv", "latex")


def comparison_files(
    comparison: Comparison, warnings: Sequence[str], left_out: Sequence[str], formats: Sequence[str]
) -> dict[str, bytes]:
    """Returns the files of a comparison by name.

    Args:
        comparison: What was measured.
        warnings: What may be compared but must be said.
        left_out: Why some folders are not in it.
        formats: Of `FORMATS`. `runs.csv` and the pictures are made in any case: every number has
            to be traced.
    """
    sheet = readers(comparison)
    files = {"figures/results.png": to_png(result_dots(comparison))}
    curves = validation_curves(comparison)
    if curves is not None:
        files["figures/validation.png"] = to_png(curves)
    files["runs.csv"] = comma_separated(sources(comparison)).encode()
    if "markdown" in formats:
        said = ["# Comparison", markdown(sheet), _listed(comparison.notes)]
        said += _section("Beware", warnings)
        said += [f"![{name}]({name})" for name in files if name.endswith(".png")]
        said += ["## Where each row comes from", markdown(sources(comparison))]
        said += _section("Left out", left_out)
        files["report.md"] = _joined(said)
    if "csv" in formats:
        files["table.csv"] = comma_separated(programs(comparison)).encode()
    if "latex" in formats:
        files["table.tex"] = latex(sheet, [*traces(comparison), *comparison.notes]).encode()
    return files


def reported_files(tables: Sequence[Reported], formats: Sequence[str]) -> dict[str, bytes]:
    """Returns the files of papers' tables without any run."""
    files: dict[str, bytes] = {}
    said = ["# Reported, not measured"]
    for table in tables:
        sheet = printed(table)
        said += [f"## {table.citation}", _listed(table.notes)]
        for name, part in parts(table).items():
            said += [name, markdown(part)]
        comments = [f"Reported, not measured: {table.citation}", *table.notes]
        if "csv" in formats:
            files[f"{table.name}.csv"] = comma_separated(sheet).encode()
        if "latex" in formats:
            files[f"{table.name}.tex"] = latex(sheet, comments).encode()
    if "markdown" in formats:
        files["report.md"] = _joined(said)
    return files


def agreement_sheet(comparison: AffinityComparison) -> Sheet:
    header = ("matrix", "Frobenius distance", "mean |difference|", "Spearman", "entries")
    rows = (
        (
            name,
            _number(each.frobenius),
            _number(each.absolute),
            _number(each.correlation),
            str(each.entries),
        )
        for name, each in comparison.agreements.items()
    )
    return Sheet(header, tuple(rows))


def affinity_files(comparison: AffinityComparison, formats: Sequence[str]) -> dict[str, bytes]:
    """Returns the files of a comparison of affinities by name."""
    sheet = agreement_sheet(comparison)
    files = {"figures/affinities.png": side_by_side(comparison)}
    for letter, learned in (("a", comparison.first), ("b", comparison.second)):
        picture = strip(learned)
        if picture is not None:
            files[f"figures/training_{letter}.png"] = picture
    about = origins(comparison) + comparison.notes
    if "markdown" in formats:
        said = ["# Affinities", _listed(about), markdown(sheet), ABOUT]
        said += [f"![{name}]({name})" for name in files]
        files["affinities.md"] = _joined(said)
    if "csv" in formats:
        files["affinities.csv"] = comma_separated(sheet).encode()
    if "latex" in formats:
        files["affinities.tex"] = latex(sheet, about).encode()
    return files


ABOUT = (
    "The Frobenius distance is over all entries; the mean difference and Spearman's correlation "
    "are over the entries off the diagonal."
)


def origins(comparison: AffinityComparison) -> list[str]:
    return [
        f"{letter}: `{each.path}`, {each.kind}, {_step(each.step)}, tasks {', '.join(each.tasks)}."
        for letter, each in (("A", comparison.first), ("B", comparison.second))
    ]


def _step(step: int | None) -> str:
    return "step unknown" if step is None else f"step {step}"


def _number(value: float) -> str:
    return EMPTY if math.isnan(value) else f"{round(value, 3) + 0.0:.3f}".replace("-", "−")


def _section(title: str, said: Sequence[str]) -> list[str]:
    return [f"## {title}", _listed(said)] if said else []


def _listed(said: Sequence[str]) -> str:
    return "\n".join(f"- {each}" for each in said)


def _joined(said: Sequence[str]) -> bytes:
    return ("\n\n".join(part.strip("\n") for part in said if part.strip()) + "\n").encode()
