"""Matrices side by side in one range of colours: what an adapter makes of tasks."""

from collections.abc import Mapping, Sequence

from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from torch import Tensor

from vtagml.drawing.canvas import FAINT, INK, LARGE, MEDIUM, SMALL, new_figure

COLOURS = "RdBu"
# Inches.
WIDTH, ROW, TOP, BOTTOM, GAP, BAR, LETTER = 2.6, 0.22, 0.75, 0.35, 0.15, 0.75, 0.09


def matrix_grid(
    matrices: Mapping[str, Float[Tensor, "row height width"]],
    rows: Sequence[str],
    title: str,
    across: str,
) -> Figure:
    """Draws a row of pictures per row and a column per entry, zero white, in one range of colours.

    Args:
        matrices: What stands above a column, and the matrices under it from top to bottom. A
            matrix of one line is drawn as high as text.
        rows: What stands left of each row.
        title: Stands above all; should say the unit of the colours.
        across: What a matrix has along its width.
    """
    _check_alike(matrices, rows)
    _, height, width = next(iter(matrices.values())).shape
    cell = ROW if height == 1 else WIDTH * height / width
    margin = 2 * GAP + LETTER * max(map(len, rows))
    high = TOP + len(rows) * (cell + GAP) + BOTTOM
    figure = new_figure(margin + len(matrices) * (WIDTH + GAP) + BAR, high)
    limit = max(float(each.abs().max()) for each in matrices.values()) or 1.0
    scale = Normalize(-limit, limit)
    for column, (name, shown) in enumerate(matrices.items()):
        for row, matrix in enumerate(shown):
            left = margin + column * (WIDTH + GAP)
            below = high - TOP - (row + 1) * cell - row * GAP
            axes = _axes(figure, left, below, WIDTH, cell)
            _draw(axes, matrix, scale)
            axes.set_title("" if row else name, size=MEDIUM, color=INK)
            beside = "" if column else rows[row]
            axes.set_ylabel(beside, size=MEDIUM, rotation=0, ha="right", va="center")
    _finish(figure, scale, title, across, margin)
    return figure


def _check_alike(matrices: Mapping[str, Tensor], rows: Sequence[str]) -> None:
    if not (matrices and rows):
        raise ValueError("`matrices` and `rows` must hold at least one each, found none.")
    shapes = {name: tuple(each.shape) for name, each in matrices.items()}
    if len(set(shapes.values())) > 1 or any(shape[0] != len(rows) for shape in shapes.values()):
        raise ValueError(
            f"`matrices` must all have one shape and a matrix for each of the {len(rows)} rows "
            f"{list(rows)}, found {shapes}: stack one matrix per row."
        )


def _draw(axes: Axes, matrix: Float[Tensor, "height width"], scale: Normalize) -> None:
    values = matrix.detach().cpu().numpy()
    axes.imshow(values, COLOURS, scale, aspect="auto", interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_color(FAINT)


def _axes(figure: Figure, left: float, below: float, width: float, height: float) -> Axes:
    wide, high = figure.get_size_inches()
    return figure.add_axes((left / wide, below / high, width / wide, height / high))


def _finish(figure: Figure, scale: Normalize, title: str, across: str, left: float) -> None:
    width, height = figure.get_size_inches()
    middle = (left + width - BAR - GAP) / 2 / width
    figure.text(middle, 1 - 0.08 / height, title, size=LARGE, weight="bold", ha="center", va="top")
    figure.text(middle, 0.1 / height, across, size=MEDIUM, color=INK, ha="center")
    axes = _axes(figure, width - BAR, BOTTOM + GAP, 0.14, height - TOP - BOTTOM - GAP)
    ticks = [scale.vmin, 0.0, scale.vmax]
    bar = figure.colorbar(ScalarMappable(scale, COLOURS), cax=axes, ticks=ticks)
    bar.ax.set_yticklabels([f"{each:.2g}".replace("-", "−") for each in ticks])
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=SMALL, length=0)
