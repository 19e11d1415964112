"""Tables in Markdown, CSV and LaTeX, and on the terminal: one content, four ways to escape it."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

MATHEMATICS = {
    **dict(zip("±×≤", ("pm", "times", "le"), strict=True)),
    **dict(zip("↑↓→", ("uparrow", "downarrow", "rightarrow"), strict=True)),
    **dict(zip("Δκρω", ("Delta", "kappa", "rho", "omega"), strict=True)),
}
# What LaTeX does not take as it stands.
LATEX = str.maketrans(
    {
        **{letter: f"\\{letter}" for letter in "&%$#_{}"},
        **{letter: rf"$\{name}$" for letter, name in MATHEMATICS.items()},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        "−": "$-$",
        "–": "--",
        "°": r"$^\circ$",
        "…": r"\ldots{}",
    }
)

# What Markdown would take for markup, HTML or the border of a cell.
MARKDOWN = str.maketrans(
    {
        **{letter: f"\\{letter}" for letter in "\\|[]*"},
        "`": "&#96;",
        "<": "&lt;",
        ">": "&gt;",
        "&": "&amp;",
    }
)
CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINE_END = re.compile(r"[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+")
SPREAD = " ± "


@dataclass(frozen=True)
class Sheet:
    """A table of words: the first column is on the left, the others on the right.

    Attributes:
        header: A title per column.
        rows: A cell per column.
        best: Row and column of the cells that are the best of their column, where that is known.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    best: frozenset[tuple[int, int]] = frozenset()


def markdown(sheet: Sheet) -> str:
    rule = [":---", *["---:"] * (len(sheet.header) - 1)]
    lines = [_line(sheet.header), "| " + " | ".join(rule) + " |", *map(_line, sheet.rows)]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(markdown_text, cells)) + " |"


def markdown_text(text: str) -> str:
    """Returns words that Markdown shows as they are written: without markup, on one line."""
    return LINE_END.sub(" ", text).translate(MARKDOWN)


def markdown_prose(text: str) -> str:
    """The same, with what stands between two backticks as code."""
    parts = CODE.split(text)
    return "".join(
        f"`{part}`" if index % 2 else markdown_text(part) for index, part in enumerate(parts)
    )


def latex(sheet: Sheet, comments: Sequence[str] = ()) -> str:
    """Returns a `tabular` in the style of the package booktabs.

    Args:
        sheet: The table.
        comments: Stand above it and are not printed.
    """
    places = "l" + "r" * (len(sheet.header) - 1)
    lines = [
        *(f"% {line}" for comment in comments for line in comment.splitlines()),
        r"% \usepackage{booktabs}",
        rf"\begin{{tabular}}{{{places}}}",
        r"\toprule",
        _row(map(latex_text, sheet.header)),
        r"\midrule",
        *(_row(_cells(sheet, place)) for place in range(len(sheet.rows))),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def _row(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"


def _cells(sheet: Sheet, place: int) -> Iterator[str]:
    """The cells of a row; of the best of a column the mean is bold."""
    for column, cell in enumerate(sheet.rows[place]):
        mean, *spread = map(latex_text, cell.partition(SPREAD))
        bold = rf"\textbf{{{mean}}}" if (place, column) in sheet.best else mean
        yield "".join([bold, *spread])


def latex_text(text: str) -> str:
    """Returns words that LaTeX prints as they are written."""
    return text.translate(LATEX)


def comma_separated(sheet: Sheet) -> str:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(sheet.header)
    writer.writerows(sheet.rows)
    return text.getvalue()


def terminal(sheet: Sheet, title: str) -> Table:
    """Returns a table of few columns: a task stands above its metric, a mean above its spread."""
    table = Table(
        title=escape(title),
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        collapse_padding=True,
        pad_edge=False,
    )
    table.add_column(sheet.header[0], overflow="fold", vertical="top")
    for name in sheet.header[1:]:
        table.add_column(escape(name.replace(" ", "\n", 1)), justify="right", no_wrap=True)
    for row in sheet.rows:
        table.add_row(*(escape(cell.replace(" ± ", "\n± ")) for cell in row))
    return table
