from collections.abc import Mapping

import numpy as np
import pytest
import torch

from datamodules import Labels, Scenes
from tests.drawing.drawn import pictures, words
from vtagml.drawing import dataset_grid, sample_grid, stacked
from vtagml.tasks import Classification, Depth, Edges, Normals, Segmentation, Task

DEPTH: Mapping[str, Task] = {"depth": Depth()}


def test_image_and_label_stand_side_by_side() -> None:
    depth = torch.rand(2, 1, 4, 8) + 1
    batch = {"image": torch.rand(2, 3, 4, 8), "depth": depth}
    drawn = pictures(sample_grid(batch, DEPTH))
    # Two images, two labels and the bar.
    assert len(drawn) == 5
    np.testing.assert_allclose(drawn[0], batch["image"][0].permute(1, 2, 0))
    np.testing.assert_allclose(drawn[2], Depth().picture(depth)[0].permute(1, 2, 0))


def test_every_kind_of_task_has_its_key() -> None:
    normals = torch.zeros(1, 3, 4, 4)
    normals[:, 2] = -1.0
    batch = {
        "image": torch.rand(1, 3, 4, 4),
        "segmentation": torch.tensor([0, 2]).repeat(1, 4, 2),
        "depth": torch.linspace(1, 2, 16).view(1, 1, 4, 4),
        "normals": normals,
        "kind": torch.tensor([1]),
    }
    tasks: dict[str, Task] = {
        task.name: task for task in (Segmentation(4), Depth(), Normals(), Classification("kind", 3))
    }
    figure = sample_grid(batch, tasks)
    shown = words(figure)
    # 0 and 2 of the pixels, and 1 of the whole image, which has a legend of its own.
    assert [word for word in shown if word.startswith("class")] == ["class 0", "class 2", "class 1"]
    assert "2 m" in shown
    (ball,) = (each for each in pictures(figure) if each.shape[-1] == 4)  # clear around the ball
    # Its middle looks at the eye, as these normals do.
    np.testing.assert_allclose(ball[48, 48, :3], Normals().picture(normals)[0, :, 0, 0], atol=0.02)


def test_bytes_are_images_too() -> None:
    image = torch.full((1, 3, 2, 2), 51, dtype=torch.uint8)
    (drawn,) = pictures(sample_grid({"image": image}, {}))
    np.testing.assert_allclose(drawn, 0.2)  # 51 of 255


def test_a_sample_without_a_label_says_so() -> None:
    depth = torch.stack([torch.full((1, 2, 2), torch.nan), torch.ones(1, 2, 2)])
    figure = sample_grid({"image": torch.rand(2, 3, 2, 2), "depth": depth}, DEPTH)
    assert words(figure).count("no label") == 1


def test_nothing_of_two_columns_overlaps() -> None:
    depth = torch.linspace(0.31, 9.99, 16).view(1, 1, 4, 4)
    classes = Segmentation(4)
    names = ("traffic light", "potted plant", "other furniture", "sky")
    classes.bind({"segmentation": Labels(names, ((0, 0, 0), (9, 9, 9), (99, 99, 99), (200, 0, 0)))})
    batch = {"segmentation": torch.arange(4).repeat(1, 4, 1), "depth": depth, "edges": depth / 10}
    tasks: dict[str, Task] = {task.name: task for task in (classes, Depth(), Edges())}
    figure = sample_grid({"image": torch.rand(1, 3, 4, 4), **batch}, tasks)
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts if text.get_text()]
    assert not any(one.overlaps(two) for i, one in enumerate(boxes) for two in boxes[:i])


@pytest.mark.parametrize(("height", "width"), [(4, 4), (4, 12), (12, 4)])
def test_pictures_keep_their_shape_and_a_readable_width(height: int, width: int) -> None:
    image = torch.rand(1, 3, height, width)
    figure = sample_grid({"image": image, "depth": image[:, :1]}, DEPTH)
    left, right, below, above = figure.axes[0].images[0].get_extent()
    assert (right - left) / (below - above) == pytest.approx(width / height)
    assert right - left <= 2.4 + 1e-6


def test_long_legends_stay_inside_the_figure() -> None:
    batch = {"image": torch.rand(1, 3, 6, 6), "segmentation": torch.arange(36).view(1, 6, 6)}
    figure = sample_grid(batch, {"segmentation": Segmentation(36)})
    below, _ = figure.axes[0].get_ylim()
    places = [text.get_position()[1] for text in figure.axes[0].texts]
    assert len(places) > 20
    assert max(places) < below


def test_a_dataset_shows_its_first_test_sample_with_its_own_names() -> None:
    data = Scenes(image_size=(32, 32), train=1, val=1, test=2, cache=None, workers=0, batch_size=2)
    figure = dataset_grid(data, [Segmentation(8), Depth(), Normals(), Edges()])
    assert "floor" in words(figure)
    sample = data.samples["test"][0]["image"]
    assert isinstance(sample, torch.Tensor)
    np.testing.assert_allclose(pictures(figure)[0], sample.permute(1, 2, 0) / 255)


def test_stacking_puts_channels_first() -> None:
    one: dict[str, np.ndarray] = {
        "image": np.zeros((2, 4, 3), np.uint8),
        "segmentation": np.zeros((2, 4), np.int64),
        "depth": np.zeros((2, 4), np.float32),
        "kind": np.array(1),
    }
    found = {key: tuple(each.shape) for key, each in stacked([one, one]).items()}
    assert found == {
        "image": (2, 3, 2, 4),
        "segmentation": (2, 2, 4),
        "depth": (2, 1, 2, 4),
        "kind": (2,),
    }


def test_stacking_keeps_the_places() -> None:
    normals = np.arange(24, dtype=np.float32).reshape(2, 4, 3)
    found = stacked([{"normals": normals}])["normals"]
    assert found[0, 2, 1, 3] == normals[1, 3, 2]
