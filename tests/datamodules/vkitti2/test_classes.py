from pathlib import Path

import cv2
import numpy as np
import pytest

from datamodules.disk.images import UnreadableFileError
from datamodules.vkitti2.datamodule import VKITTI2
from tests.fakes.vkitti2 import HEIGHT, WIDTH, frame_file, write_drive


def vkitti2(root: Path, label_space: str) -> VKITTI2:
    return VKITTI2(root, (HEIGHT, WIDTH), label_space, scenes={"train": ["Scene01"]}, workers=0)


def segmentation(root: Path, label_space: str = "vkitti2_8") -> np.ndarray:
    source = vkitti2(root, label_space).source("train")
    return source.read(source.records[0], ["segmentation"])["segmentation"]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    write_drive(tmp_path, "Scene01")
    return tmp_path


# In the order of `COLOURS`: terrain, sky, tree, vegetation, building, road, guard rail,
# traffic sign, traffic light, pole, misc, truck, car, van, undefined.
@pytest.mark.parametrize(
    ("space", "expected"),
    [
        ("vkitti2_8", [255, 6, 5, 5, 1, 0, 255, 4, 3, 2, 255, 7, 7, 7, 255]),
        ("vkitti2_8_strict", [255, 6, 5, 5, 1, 0, 255, 4, 3, 2, 255, 7, 7, 7, 255]),
        ("cityscapes_19", [9, 10, 8, 8, 2, 0, 255, 7, 6, 5, 255, 14, 13, 13, 255]),
        ("vkitti2_14", [*range(14), 255]),
    ],
)
def test_colours_become_train_ids(tree: Path, space: str, expected: list[int]) -> None:
    ids = segmentation(tree, space)
    assert ids.dtype == np.uint8
    assert ids[0, :15].tolist() == expected
    assert ids[1, 0] == expected[5]


def test_own_classes_keep_names_and_colours(tree: Path) -> None:
    labels = vkitti2(tree, "vkitti2_14").labels["segmentation"]
    assert labels.names[6:10] == ("guard rail", "traffic sign", "traffic light", "pole")
    assert labels.colours[13] == (0, 139, 139)
    assert vkitti2(tree, "vkitti2_8").labels["segmentation"].names[7] == "vehicle"


def test_colour_of_no_class_is_an_error(tree: Path) -> None:
    file = frame_file(tree, "classSegmentation")
    classes = cv2.imread(str(file))
    classes[3, 3] = (1, 60, 100)  # a road whose blue is off, as a JPEG would have it
    cv2.imwrite(str(file), classes)
    with pytest.raises(UnreadableFileError, match=r"\[100, 60, 1\] in 1 pixels") as error:
        segmentation(tree)
    assert str(file) in str(error.value)
