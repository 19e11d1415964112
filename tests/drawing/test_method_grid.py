import numpy as np
import pytest
import torch

from tests.drawing.drawn import pictures, words
from vtagml.drawing import method_grid
from vtagml.tasks import Classification, Depth, Segmentation


def depths(*metres: float) -> torch.Tensor:
    return torch.stack([torch.full((1, 2, 2), each) for each in metres])


def test_a_column_per_method_and_one_for_its_errors() -> None:
    batch = {"image": torch.rand(3, 3, 2, 2), "depth": depths(1.0, 2.0, 3.0)}
    found = {name: {"depth": batch["depth"] + 0.5} for name in ("ours", "theirs")}
    figure = method_grid(batch, found, Depth(), rows=2)
    captions = [word for word in words(figure) if word in ("image", "truth", "ours", "theirs")]
    assert captions == ["image", "truth", "ours", "theirs", "ours", "theirs"]
    # Six columns of two rows, a bar of depth and one of errors.
    assert len(pictures(figure)) == 6 * 2 + 2


def test_errors_of_all_methods_share_one_scale() -> None:
    batch = {"image": torch.rand(1, 3, 2, 2), "depth": depths(1.0)}
    found = {"small": {"depth": depths(1.5)}, "large": {"depth": depths(3.0)}}
    figure = method_grid(batch, found, Depth())
    *_, small, large = [image for image in pictures(figure) if image.shape[:2] == (2, 2)]
    # An error of 2 m is the end of the scale, magma's palest; 0.5 m is a quarter of the way.
    assert large[0, 0].sum() > 2.5
    assert small[0, 0].sum() < 1.2
    assert "≥ 2 m" in words(figure)


def test_every_method_is_compared_with_its_own_sample() -> None:
    batch = {"image": torch.rand(2, 3, 1, 1), "segmentation": torch.tensor([[[0]], [[1]]])}
    right, wrong = torch.tensor([[[0]], [[1]]]), torch.tensor([[[1]], [[1]]])
    found = {"right": {"segmentation": right}, "wrong": {"segmentation": wrong}}
    figure = method_grid(batch, found, Segmentation(2))
    *_, one, two, three, four = pictures(figure)
    np.testing.assert_allclose([one, two, four], 0.92)  # grey: right
    assert three[0, 0, 0] > 2 * three[0, 0, 1]  # vermilion: wrong
    assert words(figure)[-2:] == ["right", "wrong"]


def test_without_labels_there_are_neither_truth_nor_errors() -> None:
    batch = {"image": torch.rand(1, 3, 2, 2)}
    figure = method_grid(batch, {"a": {"depth": depths(1.0)}}, Depth())
    # Headings and captions of the two columns; depth without a range has no bar.
    assert words(figure) == ["", "image", "depth", "a"]


def test_classes_of_whole_images_have_no_errors() -> None:
    kinds = torch.tensor([1])
    batch = {"image": torch.rand(1, 3, 2, 2), "kind": kinds}
    figure = method_grid(batch, {"a": {"kind": kinds}}, Classification("kind", 2))
    assert "error" not in words(figure)


def test_no_method_is_refused() -> None:
    with pytest.raises(ValueError, match="`predictions` must hold those of at least one"):
        method_grid({"image": torch.rand(1, 3, 2, 2)}, {}, Depth())
