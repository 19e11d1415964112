"""The files of a report: one text with tables and pictures, and each table for other programs."""

from collections.abc import Iterable, Sequence

from matplotlib.figure import Figure

from vtagml.drawing import PICTURES, to_files
from vtagml.report.comparison import Comparison
from vtagml.report.conflict_figures import course, distributions
from vtagml.report.conflicts import PLACES, conflict_sheet, of_methods
from vtagml.report.figures import result_dots, trade_off, validation_curves
from vtagml.report.formats import Sheet, comma_separated, latex, markdown, markdown_prose
from vtagml.report.methods import Method
from vtagml.report.role_counts import parameter_sheets
from vtagml.report.sheets import programs, readers, sources, traces

TABLES = ("markdown", "csv", "latex")
FORMATS = (*TABLES, *PICTURES)
WIDEST = 3000.0  # Pixels; matrices of many tasks are shrunk to it.


def completed(chosen: Sequence[str]) -> tuple[str, ...]:
    """Adds all kinds of tables where none is chosen, and PNG where no kind of picture is."""
    tables = [form for form in chosen if form in TABLES] or TABLES
    kinds = [form for form in chosen if form in PICTURES] or PICTURES[:1]
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
    sheet, origins = readers(comparison), sources(comparison)
    figures = pictures("results", result_dots(comparison), formats)
    figures |= pictures("validation", validation_curves(comparison), formats)
    figures |= pictures("parameters_and_delta", trade_off(comparison), formats)
    parameters, of_parameters = _parameters(comparison.methods, formats)
    conflicts, of_conflicts = _conflicts(comparison.methods, formats)
    text = ["# Comparison", markdown(sheet), listed(comparison.notes)]
    text += _section("Beware", warnings)
    text += shown(figures)
    text += [*parameters, *conflicts]
    text += ["## Where each row comes from", markdown(origins)]
    text += _section("Left out", left_out)
    comments = [*traces(comparison), *comparison.notes]
    return {
        **figures,
        "runs.csv": comma_separated(origins).encode(),
        **written("report", text, formats),
        **tables("table", sheet, programs(comparison), comments, formats),
        **of_parameters,
        **of_conflicts,
    }


def _parameters(
    methods: Sequence[Method], formats: Sequence[str]
) -> tuple[list[str], dict[str, bytes]]:
    """Returns the part about parameters, and its files; nothing where runs did not count them."""
    sheets = parameter_sheets(methods)
    if sheets is None:
        return [], {}
    return ["## Parameters", ABOUT_ROLES, markdown(sheets[0])], tables(
        "parameters", *sheets, (), formats
    )


def _conflicts(
    methods: Sequence[Method], formats: Sequence[str]
) -> tuple[list[str], dict[str, bytes]]:
    """Returns the part about gradient conflicts, and its files; nothing where none were counted."""
    found = of_methods(methods)
    if not found:
        return [], {}
    drawn = {f"conflicts_{place}": distributions(found, place) for place in PLACES}
    drawn["conflicts_course"] = course(found)
    figures = {
        name: content
        for stem, figure in drawn.items()
        for name, content in pictures(stem, figure, formats).items()
    }
    sheet = conflict_sheet(found)
    text = ["## Gradient conflicts", ABOUT_CONFLICTS, markdown(sheet), *shown(figures)]
    return text, {**figures, **tables("conflicts", sheet, sheet, (), formats)}


ABOUT_CONFLICTS = (
    "How often the gradients of two tasks have a negative cosine. Of the shared parameters it is "
    "that of the whole batch, at some steps; at the fork that of the representation, image by "
    "image, in every step."
)
ABOUT_ROLES = (
    "Trained: changes in training. Stored: kept while it trains. Deployed: left in the form for "
    "inference, where what merges is merged and what the affinities decide is a constant. What "
    "several modules share counts once."
)


def tables(
    name: str, sheet: Sheet, digits: Sheet, comments: Sequence[str], formats: Sequence[str]
) -> dict[str, bytes]:
    """Returns a table for other programs: all `digits` as CSV, and what is printed as LaTeX."""
    made = {}
    if "csv" in formats:
        made[f"{name}.csv"] = comma_separated(digits).encode()
    if "latex" in formats:
        made[f"{name}.tex"] = latex(sheet, comments).encode()
    return made


def written(name: str, text: Sequence[str], formats: Sequence[str]) -> dict[str, bytes]:
    """Returns the text for people, of its parts."""
    whole = "\n\n".join(part.strip("\n") for part in text if part.strip()) + "\n"
    return {f"{name}.md": whole.encode()} if "markdown" in formats else {}


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return [f"## {title}", listed(lines)] if lines else []


def listed(lines: Sequence[str]) -> str:
    return "\n".join(f"- {markdown_prose(line)}" for line in lines)


def pictures(name: str, figure: Figure | None, formats: Sequence[str]) -> dict[str, bytes]:
    """Returns the files of a figure, none of none."""
    kinds = [kind for kind in PICTURES if kind in formats]
    made = {} if figure is None else to_files(figure, kinds, WIDEST)
    return {f"figures/{name}.{kind}": content for kind, content in made.items()}


def shown(figures: Iterable[str]) -> list[str]:
    """The pictures that a reader of Markdown can see, each once; of a PDF the link."""
    kinds = {name.rpartition(".")[0]: name for name in sorted(figures)}
    return [f"{'' if name.endswith('.pdf') else '!'}[{name}]({name})" for name in kinds.values()]
