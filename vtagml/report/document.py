"""The files of a report: one text with tables and pictures, and each table for other programs."""

from collections.abc import Sequence

from vtagml.drawing import to_png
from vtagml.report.comparison import Comparison
from vtagml.report.figures import result_dots, validation_curves
from vtagml.report.formats import comma_separated, latex, markdown
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
        said = ["# Comparison", markdown(sheet), listed(comparison.notes)]
        said += _section("Beware", warnings)
        said += [f"![{name}]({name})" for name in files if name.endswith(".png")]
        said += ["## Where each row comes from", markdown(sources(comparison))]
        said += _section("Left out", left_out)
        files["report.md"] = joined(said)
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
        said += [f"## {table.citation}", listed(table.notes)]
        for name, part in parts(table).items():
            said += [name, markdown(part)]
        comments = [f"Reported, not measured: {table.citation}", *table.notes]
        if "csv" in formats:
            files[f"{table.name}.csv"] = comma_separated(sheet).encode()
        if "latex" in formats:
            files[f"{table.name}.tex"] = latex(sheet, comments).encode()
    if "markdown" in formats:
        files["report.md"] = joined(said)
    return files


def _section(title: str, said: Sequence[str]) -> list[str]:
    return [f"## {title}", listed(said)] if said else []


def listed(said: Sequence[str]) -> str:
    return "\n".join(f"- {each}" for each in said)


def joined(said: Sequence[str]) -> bytes:
    return ("\n\n".join(part.strip("\n") for part in said if part.strip()) + "\n").encode()
