import numpy as np
import pytest

from datamodules.checks import check_sample
from datamodules.transforms import Sample

TASKS = ("segmentation", "depth")


def sample() -> Sample:
    return {
        "image": np.zeros((4, 6, 3), np.uint8),
        "name": "room-7",
        "segmentation": np.array([[0, 1, 2, 255, 0, 0]] * 4, np.uint8),
        "depth": np.full((4, 6), np.nan, np.float32),
    }


def test_unknown_labels_are_fine() -> None:
    check_sample(sample(), TASKS, {"segmentation": 3})


def test_image_level_class_is_fine() -> None:
    check_sample(sample() | {"shape": np.array(4)}, ["shape"], {"shape": 5})


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("image", np.full((4, 6, 3), np.nan, np.float32), "`image`.* 72 values NaN"),
        ("image", np.full((4, 6, 3), np.inf, np.float32), "`image`.* 72 values NaN or infinite"),
        ("image", np.zeros((4, 6, 3), np.uint16), "uint8 or float, found uint16"),
        ("image", np.zeros((4, 6), np.uint8), r"\[height, width, 3\], found \(4, 6\)"),
        ("depth", np.full((4, 6), np.inf, np.float32), "`depth`.* 24 infinite"),
        ("depth", np.full((4, 6), -np.inf, np.float32), "`depth`.* 24 infinite"),
        ("depth", np.zeros((4, 5), np.float32), r"4 x 6 pixels, found the shape \(4, 5\)"),
        ("segmentation", np.full((4, 6), 3, np.uint8), r"below 3, .* found \[3\] in 24 places"),
        ("segmentation", np.full((4, 6), -1, np.int16), r"found \[-1\]"),
        ("segmentation", np.zeros((4, 6), np.float32), "integer class ids, found float32"),
    ],
)
def test_error_names_sample_key_and_finding(key: str, value: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=f"Sample `room-7`: .*{message}"):
        check_sample(sample() | {key: value}, TASKS, {"segmentation": 3})


def test_missing_task_is_named() -> None:
    with pytest.raises(ValueError, match="`normals` was asked for"):
        check_sample(sample(), ["normals"], {})
