from io import BytesIO

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from vtagml.drawing import OMEGA, SIMILARITY, Scale, affinity_grid, affinity_heatmaps, to_png
from vtagml.drawing.canvas import luminance, readable_ink

NAMES = [f"task_{index}" for index in range(12)]


def affinity_heatmap(
    matrix: torch.Tensor, tasks: list[str], title: str, scale: Scale = OMEGA
) -> Figure:
    return affinity_grid([[(matrix, title, scale)]], tasks)


def cells(axes: Axes) -> dict[tuple[int, int], str]:
    """Texts inside the cells by (row from the top, column from the left) as seen in the picture."""
    found = {}
    for text in axes.texts:
        x, y = axes.transAxes.inverted().transform(
            text.get_transform().transform(text.get_position())
        )
        count = len(axes.get_yticks())
        if 0 < x < 1 and 0 < y < 1:
            found[int((1 - y) * count), int(x * count)] = text.get_text()
    return found


def test_sources_are_rows_and_targets_are_columns() -> None:
    matrix = torch.zeros(3, 3)
    matrix[2, 0] = 1.0  # Target "c" listens to source "a".
    axes = affinity_heatmap(matrix, ["a", "b", "c"], "title").axes[0]
    shown = cells(axes)
    assert len(shown) == 9
    assert shown.pop((0, 2)) == "1.00"  # Row of "a", column of "c".
    assert set(shown.values()) == {"0.00"}
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "b", "c"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "c"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("target", "source")


def test_the_first_source_is_drawn_above_in_dark() -> None:
    # By the pixels: only the cell above on the right, target 1 and source 0, is dark.
    figure = affinity_heatmap(torch.tensor([[0.0, 0.0], [1.0, 0.0]]), ["a", "b"], "title")
    figure.draw_without_rendering()
    frame = figure.axes[0].get_position()
    with Image.open(BytesIO(to_png(figure))) as picture:
        grey = np.asarray(picture.convert("L"), dtype=float)
    height, width = grey.shape
    across = [int(width * (frame.x0 + frame.width * share)) for share in (0.1, 0.9)]
    down = [int(height * (1 - frame.y1 + frame.height * share)) for share in (0.1, 0.9)]
    corners = grey[np.ix_(down, across)]
    assert corners[0, 1] < 80
    assert corners[0, 0] > 200
    assert corners[1].min() > 200


@pytest.mark.parametrize("count", [1, 2, 5, 12])
def test_any_number_of_tasks(count: int) -> None:
    matrix = torch.rand(count, count)
    figure = affinity_heatmaps(matrix, matrix * 2 - 1, NAMES[:count], "Step 1")
    assert len(cells(figure.axes[0])) == count**2
    with Image.open(BytesIO(to_png(figure))) as picture:
        assert max(picture.size) < 3000
        assert np.asarray(picture.convert("RGB")).std() > 10


@pytest.mark.parametrize("count", [2, 4, 12])
def test_words_neither_overlap_nor_leave_the_figure(count: int) -> None:
    names = ["segmentation", "depth", "normals", "edges", *NAMES][:count]
    figure = affinity_heatmaps(torch.eye(count), torch.eye(count), names, "Step 100")
    figure.canvas.draw()
    axes = figure.axes[0]
    labels = [text.get_window_extent() for text in axes.get_yticklabels()]
    word = axes.yaxis.label.get_window_extent()
    assert word.x0 >= 0
    assert word.x1 <= min(label.x0 for label in labels) + 1
    target = axes.xaxis.label.get_window_extent()
    assert target.y1 <= axes.title.get_window_extent().y0
    (title,) = figure.texts
    assert axes.title.get_window_extent().y1 <= title.get_window_extent().y0
    assert title.get_window_extent().y1 <= figure.bbox.y1
    assert not any(target.overlaps(text.get_window_extent()) for text in axes.get_xticklabels())


def test_values_are_rounded_and_unknown_ones_are_a_dash() -> None:
    matrix = torch.tensor([[-0.001, 0.126], [-0.25, torch.nan]])
    shown = cells(affinity_heatmap(matrix, ["a", "b"], "title", SIMILARITY).axes[0])
    assert shown == {(0, 0): "0.00", (1, 0): "0.13", (0, 1): "−0.25", (1, 1): "–"}


def test_the_range_is_fixed() -> None:
    small = affinity_heatmaps(torch.full((2, 2), 0.1), torch.full((2, 2), 0.1), ["a", "b"], "t")
    similarity, omega = small.axes[:2]
    assert similarity.collections[0].get_clim() == (-1.0, 1.0)
    assert omega.collections[0].get_clim() == (0.0, 1.0)


@pytest.mark.parametrize("grey", [0.0, 0.3, 0.5, 0.7, 1.0])
def test_ink_has_a_contrast_that_can_be_read(grey: float) -> None:
    ink = luminance(*to_rgb(readable_ink(grey, grey, grey)))
    lighter, darker = sorted([ink, luminance(grey, grey, grey)], reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) > 3.9  # WCAG asks 3 of large letters.


def test_a_matrix_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`matrix` must have a row .* 2 tasks .* \(3, 3\)"):
        affinity_heatmap(torch.eye(3), ["a", "b"], "title")
