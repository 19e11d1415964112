"""The files of a report: one text with tables and pictures, and each table for other programs."""

from collections.abc import Iterable, Sequence

from matplotlib.figure import Figure

from vtagml.drawing import PICTURES, to_files
from vtagml.report.comparison import Comparison
from vtagml.report.figures import result_dots, validation_curves
from vtagml.report.formats import comma_separated, latex, markdown, markdown_prose
from vtagml.report.reported import Reported
from vtagml.report.sheets import parts, printed, programs, readers, sources, traces

TABLES = ("markdown", "csv", "latex")
FORMATS = (*TABLES, *PICTURES)
WIDEST = 3000.0  # Pixels; a strip of many matrices is shrunk to it.


def completed(chosen: Sequence[str]) -> tuple[str, ...]:
    """Adds all kinds of tables where none is chosen, and PNG where no kind of picture is."""
    tables = [each for each in chosen if each in TABLES] or TABLES
    kinds = [each for each in chosen if each in PICTURES] or PICTURES[:1]
    return (*tables, *kinds)


def comparison_files(
    comparison: Comparison, warnings: Sequence[str], left_out: Sequence[str], formats: Sequence[str]
) -> dict[str, bytes]:
    """Returns the files of a comparison by name.

    Args:
        comparison: What was measured.
        warnings: What may be compared but must be said.
        left_out: Why some folders are not in it.
        formats: Of `FORMATS`, as `completed` gives them. `runs.csv` is made in any case: every
            number has to be traced.
    """
    sheet = readers(comparison)
    files = pictures("results", result_dots(comparison), formats)
    files |= pictures("validation", validation_curves(comparison), formats)
    files["runs.csv"] = comma_separated(sources(comparison)).encode()
    if "markdown" in formats:
        said = ["# Comparison", markdown(sheet), listed(comparison.notes)]
        said += _section("Beware", warnings)
        said += shown(files)
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
    return "\n".join(f"- {markdown_prose(each)}" for each in said)


def pictures(name: str, figure: Figure | None, formats: Sequence[str]) -> dict[str, bytes]:
    """Returns the files of a figure, none of none."""
    kinds = [each for each in PICTURES if each in formats]
    made = {} if figure is None else to_files(figure, kinds, WIDEST)
    return {f"figures/{name}.{kind}": content for kind, content in made.items()}


def shown(files: Iterable[str]) -> list[str]:
    """The pictures that a reader of Markdown can see, each once; of a PDF the link."""
    kinds = {name.rpartition(".")[0]: name for name in sorted(files)}
    return [f"{'' if name.endswith('.pdf') else '!'}[{name}]({name})" for name in kinds.values()]


def joined(said: Sequence[str]) -> bytes:
    return ("\n\n".join(part.strip("\n") for part in said if part.strip()) + "\n").encode()
