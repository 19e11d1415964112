"""Matrices side by side in one range of colours: what an adapter makes of tasks."""

from collections.abc import Mapping, Sequence
from typing import Any

from jaxtyping import Float
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from torch import Tensor

from vtagml.drawing.canvas import FAINT, INK, MEDIUM, SMALL, new_figure

COLOURS = "RdBu"
WIDTH, ROW, GAP, REST, LETTER, BAR = 2.75, 0.22, 0.15, 1.3, 0.09, 0.16  # Inches.


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
    beside = REST + LETTER * max(map(len, rows))
    high = len(rows) * (cell + GAP) + REST
    figure = new_figure(beside + len(matrices) * WIDTH, high, title, arranged=True)
    panels = figure.subplots(len(rows), len(matrices), squeeze=False)
    limit = max(float(values.abs().max()) for values in matrices.values()) or 1.0
    scale = Normalize(-limit, limit)
    for column, (name, shown) in zip(panels.T, matrices.items(), strict=True):
        for axes, matrix in zip(column, shown, strict=True):
            values = matrix.detach().cpu().numpy()
            axes.imshow(values, COLOURS, scale, aspect="auto", interpolation="nearest")
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_color(FAINT)
        column[0].set_title(name, size=MEDIUM, color=INK)
    for axes, name in zip(panels[:, 0], rows, strict=True):
        axes.set_ylabel(name, size=MEDIUM, rotation=0, ha="right", va="center")
    figure.supxlabel(across, size=MEDIUM, color=INK)
    _draw_bar(figure, panels, scale, high / BAR)
    return figure


def _draw_bar(figure: Figure, panels: Any, scale: Normalize, aspect: float) -> None:
    ticks = [scale.vmin, 0.0, scale.vmax]
    mappable = ScalarMappable(scale, COLOURS)
    bar = figure.colorbar(mappable, ax=panels, ticks=ticks, aspect=aspect)
    bar.ax.set_yticklabels([f"{tick:.2g}".replace("-", "−") for tick in ticks])
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=SMALL, length=0)


def _check_alike(matrices: Mapping[str, Tensor], rows: Sequence[str]) -> None:
    if not (matrices and rows):
        raise ValueError("`matrices` and `rows` must hold at least one each, found none.")
    shapes = {name: tuple(stack.shape) for name, stack in matrices.items()}
    if len(set(shapes.values())) > 1 or any(shape[0] != len(rows) for shape in shapes.values()):
        raise ValueError(
            f"`matrices` must all have one shape and a matrix for each of the {len(rows)} rows "
            f"{list(rows)}, found {shapes}: stack one matrix per row."
        )
