"""Figures that belong to nobody but their caller: Agg, no pyplot, nothing global."""

import math
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

DOTS_PER_INCH = 150
PICTURES = ("png", "pdf", "svg")
# Publishers refuse Type 3 fonts; text that stays text can be searched.
VECTORS = {"pdf.fonttype": 42, "svg.fonttype": "none", "svg.hashsalt": "vtagml"}
# Without a date the same figure is the same file.
OPTIONS: Mapping[str, Any] = {
    "jpeg": {"pil_kwargs": {"quality": 85, "subsampling": 0}},
    "pdf": {"metadata": {"CreationDate": None}},
    "svg": {"metadata": {"Date": None}},
}
INK = "#222222"
FAINT = "#8a8a8a"
UNKNOWN = "#d9d9d9"
SMALL, MEDIUM, LARGE = 8.5, 10.0, 12.0
MARGIN = 0.08  # Inches, around panels and words.
LONGEST = 44  # Letters of a name.

# Okabe and Ito's colours, which people with any colour vision can tell apart. Yellow is left out:
# on white it is too pale for a line.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#222222")
DASHES = ("solid", "dashed", "dotted")


def new_figure(width: float, height: float, title: str = "", arranged: bool = False) -> Figure:
    """Returns an empty white figure with a canvas of its own.

    Args:
        width: In inches.
        height: Likewise.
        title: Stands above all.
        arranged: Whether matplotlib finds the places of panels and words, so that none overlap.
    """
    layout = ConstrainedLayoutEngine(w_pad=MARGIN, h_pad=MARGIN) if arranged else None
    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH, facecolor="white", layout=layout)
    FigureCanvasAgg(figure)
    if title:
        figure.suptitle(as_written(title), size=LARGE, weight="bold")
    return figure


def to_png(figure: Figure, dots: int = DOTS_PER_INCH) -> bytes:
    """Renders a figure and empties it, so that no picture outlives its file.

    Args:
        figure: Of no use afterwards.
        dots: Per inch.
    """
    return _saved(figure, ["png"], dots)["png"]


def to_jpeg(figure: Figure, dots: int = DOTS_PER_INCH) -> bytes:
    """Renders a figure of photos, which a PNG would make several times larger, and empties it."""
    return _saved(figure, ["jpeg"], dots)["jpeg"]


def to_files(figure: Figure, kinds: Sequence[str], widest: float = math.inf) -> dict[str, bytes]:
    """Renders a figure as each of some `PICTURES`, by kind, and empties it.

    Args:
        figure: Of no use afterwards.
        kinds: Of `PICTURES`. In PDF and SVG words stay words and nothing is rastered.
        widest: Pixels of a PNG, at most.
    """
    return _saved(figure, kinds, min(DOTS_PER_INCH, widest / figure.get_figwidth()))


def _saved(figure: Figure, kinds: Sequence[str], dots: int | float) -> dict[str, bytes]:
    files = {kind: BytesIO() for kind in kinds}
    with rc_context(VECTORS):
        for kind, file in files.items():
            figure.savefig(file, format=kind, dpi=dots, **OPTIONS.get(kind, {}))
    figure.clear()
    return {kind: file.getvalue() for kind, file in files.items()}


def as_written(text: str) -> str:
    """Returns text that is drawn as it stands: between dollars would be a formula."""
    return text.replace("$", r"\$")


def shortened(name: str) -> str:
    """Returns both ends of a long name, drawn as it stands: long names often begin alike."""
    if len(name) > LONGEST:
        name = f"{name[: LONGEST // 2]}…{name[-LONGEST // 2 + 1 :]}"
    return as_written(name)


def readable_ink(red: float, green: float, blue: float) -> str:
    """Returns white or dark ink, whichever contrasts more with the colour below it (WCAG 2)."""
    below = luminance(red, green, blue)
    on_white = (1.0 + 0.05) / (below + 0.05)
    on_dark = (below + 0.05) / (luminance(*to_rgb(INK)) + 0.05)
    return "white" if on_white > on_dark else INK


def luminance(red: float, green: float, blue: float) -> float:
    """Computes the relative luminance of an sRGB colour in [0, 1] (WCAG 2)."""
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (red, green, blue)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def line_style(index: int) -> dict[str, Any]:
    """Returns colour and dashes of the index-th line; dashes change when colours run out."""
    return {
        "color": PALETTE[index % len(PALETTE)],
        "linestyle": DASHES[index // len(PALETTE) % len(DASHES)],
    }


def plain_logarithm(axis: Axis) -> None:
    """Labels a logarithmic axis with plain numbers at 1, 2 and 5."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def legend_below(
    figure: Figure, styles: Mapping[str, Mapping[str, Any]], columns: int, title: str = ""
) -> None:
    """Names lines of some styles, by name, below the panels of an arranged figure."""
    lines = [Line2D([], [], label=shortened(name), **style) for name, style in styles.items()]
    figure.legend(
        handles=lines,
        title=title,
        title_fontsize=SMALL,
        fontsize=SMALL,
        loc="outside lower center",
        ncols=min(len(lines), columns),
        frameon=False,
    )


def tidy(axes: Axes) -> None:
    """Removes the frame's upper and right side and quietens the rest."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(labelsize=SMALL, color=FAINT, labelcolor=INK)
    axes.grid(axis="y", color="#ececec", linewidth=0.8)
    axes.set_axisbelow(True)
