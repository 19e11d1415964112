from typing import NamedTuple

import pytest
import torch

from vtagml.tasks import Categorical, Classification, Labels, Segmentation


class Classes(NamedTuple):
    """Labels as a dataset may define them."""

    names: tuple[str, ...]
    colours: tuple[tuple[int, int, int], ...]


ROOM = Classes(
    names=("floor", "wall", "table", "chair"),
    colours=((255, 0, 0), (0, 255, 0), (0, 0, 255), (51, 102, 153)),
)


def test_any_object_with_names_and_colours_is_labels() -> None:
    assert isinstance(ROOM, Labels)


def test_legend_comes_from_the_data() -> None:
    task = Segmentation(4)
    task.bind({"segmentation": ROOM})
    assert task.legend()[0] == ("floor", (1, 0, 0))
    assert task.legend()[3] == ("chair", (0.2, 0.4, 0.6))


def test_legend_without_data_is_the_palette() -> None:
    legend = Segmentation(4).legend()
    assert [name for name, _ in legend] == ["class 0", "class 1", "class 2", "class 3"]
    assert len({colour for _, colour in legend}) == 4


def test_picture_has_the_colours_of_the_legend() -> None:
    task = Segmentation(4)
    task.bind({"segmentation": ROOM})
    picture = task.picture(torch.tensor([[[0, 2], [255, 3]]]))
    assert picture[0, :, 0, 0].tolist() == [1, 0, 0]
    assert picture[0, :, 0, 1].tolist() == [0, 0, 1]
    assert picture[0, :, 1, 0].tolist() == [0.5, 0.5, 0.5]
    torch.testing.assert_close(picture[0, :, 1, 1], torch.tensor([0.2, 0.4, 0.6]))


def test_classification_has_one_pixel_per_image() -> None:
    task = Classification("room", 4)
    task.bind({"room": ROOM})
    assert task.picture(torch.tensor([1, 0])).flatten(1).tolist() == [[0, 1, 0], [1, 0, 0]]


def test_bind_reads_only_its_own_name() -> None:
    task = Segmentation(9)
    task.bind({"rooms": ROOM})
    assert task.legend()[0][0] == "class 0"


def test_bind_rejects_another_number_of_classes() -> None:
    message = (
        r"`classes` of Segmentation \(segmentation\) is 9, but the data has 4 classes "
        r"\(floor, wall, table, …\): set `classes: 4`\."
    )
    with pytest.raises(ValueError, match=message):
        Segmentation(9).bind({"segmentation": ROOM})


def test_bind_rejects_labels_with_missing_colours() -> None:
    labels = Classes(ROOM.names, ROOM.colours[:3])
    with pytest.raises(ValueError, match="found 3 colours for 4 classes"):
        Segmentation(4).bind({"segmentation": labels})


@pytest.mark.parametrize("classes", [-1, 0, 1, 256])
def test_classes_rejects(classes: int) -> None:
    with pytest.raises(ValueError, match=f"`classes` of birds must be .* found {classes}"):
        Classification("birds", classes)


@pytest.mark.parametrize(
    "task", [Segmentation(255), Classification("birds", 255)], ids=["segmentation", "birds"]
)
def test_all_ids_but_the_unknown_may_be_classes(task: Categorical) -> None:
    assert task.channels == 255
    assert len(task.legend()) == 255


def test_an_id_that_is_no_class_is_an_error_on_the_cpu() -> None:
    with pytest.raises(IndexError, match="3"):
        Segmentation(3).loss(torch.randn(1, 3, 2, 2), torch.full((1, 2, 2), 3))


def test_unknown_pixels_count_in_no_metric_of_segmentation() -> None:
    metrics = Segmentation(3).metrics()
    # Right twice, wrong once as a 1 that is 0, and twice whatever where nobody knows.
    metrics.update(torch.tensor([[[0, 1, 1, 2, 0]]]), torch.tensor([[[0, 1, 0, 255, 255]]]))
    found = metrics.compute()
    # Intersection over union: 1/2 of class 0, 1/2 of class 1; class 2 is only where nobody knows.
    assert found["miou"].item() == pytest.approx(1 / 2)
    assert found["accuracy"].item() == pytest.approx(2 / 3)
