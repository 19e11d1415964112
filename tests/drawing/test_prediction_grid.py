from io import BytesIO
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.drawing.drawn import pictures, words
from vtagml.drawing import prediction_grid, to_png
from vtagml.drawing.grid import Column, Group, grid
from vtagml.tasks import Classification, Depth, Edges, Normals, Segmentation, Task
from vtagml.tasks.key import ColourBar, Key

TASKS: dict[str, Task] = {
    task.name: task for task in (Segmentation(4), Depth(), Normals(), Edges())
}


def batch(samples: int = 3, height: int = 8, width: int = 8) -> dict[str, Any]:
    normals = torch.zeros(samples, 3, height, width)
    normals[:, 2] = -1.0
    return {
        "image": torch.rand(samples, 3, height, width),
        "segmentation": torch.randint(0, 2, (samples, height, width)),
        "depth": torch.rand(samples, 1, height, width) + 1.0,
        "normals": normals,
        "edges": torch.rand(samples, 1, height, width),
    }


def predictions(labels: dict[str, Any]) -> dict[str, torch.Tensor]:
    return {name: labels[name].clone() for name in TASKS}


def test_columns_and_rows() -> None:
    labels = batch()
    figure = prediction_grid(labels, predictions(labels), TASKS, rows=2)
    shown = words(figure)
    assert [word for word in shown if word in TASKS] == list(TASKS)
    assert shown.count("truth") == shown.count("prediction") == len(TASKS)
    # Two rows of an image and of truth and prediction of four tasks, two colour bars and a ball.
    assert len(pictures(figure)) == 2 * (1 + 2 * 4) + 3


def test_names_are_no_formulas() -> None:
    bar = ColourBar(torch.rand(1, 4, 3), ["$0$", "$1$"])
    key = Key([("$class$", (1.0, 0.0, 0.0))], bar)
    column = Column("$caption$", torch.rand(1, 3, 8, 8), [False])
    shown = words(grid([Group("$heading$", [column], key)], 1.0))
    assert shown == [rf"\${name}\$" for name in ("heading", "caption", "class", "0", "1")]


def test_it_is_a_picture() -> None:
    labels = batch()
    with Image.open(BytesIO(to_png(prediction_grid(labels, predictions(labels), TASKS)))) as found:
        pixels = np.asarray(found.convert("RGB"))
    assert pixels.std() > 30


def test_the_image_is_shown_as_it_is() -> None:
    labels = batch(samples=1)
    drawn = pictures(prediction_grid(labels, predictions(labels), TASKS))[0]
    np.testing.assert_allclose(drawn, labels["image"][0].permute(1, 2, 0).numpy())


def test_truth_stands_left_of_the_prediction() -> None:
    labels = batch(samples=1)
    labels["edges"].fill_(0.0)
    guess = predictions(labels) | {"edges": torch.ones(1, 1, 8, 8)}
    figure = prediction_grid(labels, guess, {"edges": Edges()})
    _, truth, prediction, _ = figure.axes[0].images
    assert truth.get_array().max() == 0.0
    assert prediction.get_array().min() == 1.0
    assert truth.get_extent()[1] < prediction.get_extent()[0]


def test_a_perfect_prediction_has_the_colours_of_the_truth() -> None:
    labels = batch(samples=1)
    drawn = pictures(prediction_grid(labels, predictions(labels), {"depth": Depth()}))
    np.testing.assert_array_equal(drawn[1], drawn[2])


def test_truth_and_prediction_share_their_range() -> None:
    class Stretched(Depth):
        """Colours by the range of what it is given."""

        def picture(self, prediction: torch.Tensor) -> torch.Tensor:
            low, high = prediction.min(), prediction.max()
            return ((prediction - low) / (high - low)).expand(-1, 3, -1, -1)

    labels = {"image": torch.rand(1, 3, 2, 2), "depth": torch.full((1, 1, 2, 2), 1.0)}
    guess = {"depth": torch.full((1, 1, 2, 2), 3.0)}
    _, truth, prediction, _ = pictures(prediction_grid(labels, guess, {"depth": Stretched()}))
    assert truth.max() == 0.0
    assert prediction.min() == 1.0


def test_missing_labels_leave_a_field_that_says_so() -> None:
    labels = batch()
    guess = predictions(labels)
    labels["depth"][0] = torch.nan
    labels["segmentation"][1] = 255
    del labels["edges"]
    figure = prediction_grid(labels, guess, TASKS)
    assert words(figure).count("no label") == 1 + 1 + 3


def test_legend_names_the_classes_in_the_pictures() -> None:
    labels = batch()
    labels["segmentation"].fill_(1)
    guess = predictions(labels)
    guess["segmentation"] = torch.full((3, 8, 8), 3)
    shown = words(prediction_grid(labels, guess, TASKS))
    assert [word for word in shown if word.startswith("class")] == ["class 1", "class 3"]


def test_whole_image_classes_fill_their_field() -> None:
    task = Classification("kind", 3)
    labels = {"image": torch.rand(2, 3, 4, 8), "kind": torch.tensor([2, 255])}
    figure = prediction_grid(labels, {"kind": torch.tensor([2, 0])}, {"kind": task})
    colours = torch.tensor([colour for _, colour in task.legend()])
    drawn = pictures(figure)
    assert drawn[2].shape == (4, 8, 3)
    assert np.allclose(drawn[2], colours[2].numpy())
    assert words(figure).count("no label") == 1


@pytest.mark.parametrize(("height", "width"), [(8, 16), (16, 8), (1024, 2048)])
def test_cells_keep_the_shape_of_the_image(height: int, width: int) -> None:
    labels = {"image": torch.rand(1, 3, height, width)}
    figure = prediction_grid(labels, {}, {})
    image = figure.axes[0].images[0]
    left, right, bottom, top = image.get_extent()
    assert (right - left) / (bottom - top) == pytest.approx(width / height)
    assert max(image.get_array().shape) <= 512


def test_values_outside_the_image_s_range_are_clipped() -> None:
    drawn = pictures(prediction_grid({"image": torch.full((1, 3, 4, 4), 1.5)}, {}, {}))
    assert drawn[0].max() == 1.0


def test_labels_at_their_size_on_disk_are_drawn_at_the_images() -> None:
    """Twice as high and three times as wide: every pixel of the image stands for six equal ones."""
    labels = batch()
    on_disk = {
        name: [each.repeat_interleave(2, -2).repeat_interleave(3, -1) for each in labels[name]]
        for name in TASKS
    }
    found = prediction_grid(labels | on_disk, predictions(labels), TASKS, rows=2)
    expected = prediction_grid(labels, predictions(labels), TASKS, rows=2)
    for picture, same in zip(pictures(found), pictures(expected), strict=True):
        np.testing.assert_array_equal(picture, same)
