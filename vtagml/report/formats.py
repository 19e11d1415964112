"""Tables in Markdown, CSV and LaTeX, and on the terminal: one content, four ways to escape it."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

EMPTY = "–"
# What LaTeX does not take as it stands.
LATEX: Mapping[str, str] = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    "−": "$-$",
    "–": "--",
    "×": r"$\times$",
    "°": r"$^\circ$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "→": r"$\rightarrow$",
    "Δ": r"$\Delta$",
    "κ": r"$\kappa$",
    "ρ": r"$\rho$",
    "ω": r"$\omega$",
    "≤": r"$\le$",
    "…": r"\ldots{}",
}


@dataclass(frozen=True)
class Sheet:
    """A table of words: the first column is on the left, the others on the right."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def markdown(sheet: Sheet) -> str:
    rule = [":---", *["---:"] * (len(sheet.header) - 1)]
    lines = [_line(sheet.header), "| " + " | ".join(rule) + " |", *map(_line, sheet.rows)]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    safe = (cell.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ") for cell in cells)
    return "| " + " | ".join(safe) + " |"


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
        _row(sheet.header),
        r"\midrule",
        *map(_row, sheet.rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return " & ".join(map(latex_text, cells)) + r" \\"


def latex_text(text: str) -> str:
    """Returns words that LaTeX prints as they are written."""
    return "".join(LATEX.get(letter, letter) for letter in text)


def comma_separated(sheet: Sheet) -> str:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(sheet.header)
    writer.writerows(sheet.rows)
    return text.getvalue()


def terminal(sheet: Sheet, title: str) -> Table:
    """Returns a table of few columns: a task stands above its metric, a mean above its spread."""
    table = Table(
        title=title,
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
