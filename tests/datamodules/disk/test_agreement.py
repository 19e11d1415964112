"""A label of another size than its image: the error names the sample and the file."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from datamodules.disk.agreement import check_fit, same_size
from datamodules.disk.images import UnreadableFileError
from tests.fakes.readers import READERS, SIZE

# Those that read depth from a file of its own for each sample.
WITH_DEPTH = [
    "taskonomy",
    "nyudv2-npy",
    "nyudv2-png",
    "nyudv2-mtan",
    "cityscapes",
    "synthia",
    "vkitti2",
    "folders",
]
IMAGE = np.zeros((4, 6, 3), np.uint8)


@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 3)])
def test_label_of_the_images_size_is_given_back(shape: tuple[int, ...]) -> None:
    label = np.ones(shape)
    assert same_size("a", IMAGE, "depth", Path("a.png"), label) is label


@pytest.mark.parametrize("shape", [(6, 4), (2, 3), (3, 4, 6)])
def test_label_of_another_size_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UnreadableFileError) as error:
        same_size("a_7", IMAGE, "depth", Path("tree/a.png"), np.ones(shape))
    sizes = f"the image's 4 x 6 pixels, found {shape[0]} x {shape[1]} in `tree/a.png`"
    assert str(error.value).startswith(f"Sample `a_7`: `depth` should have {sizes}")


@pytest.mark.parametrize(
    ("centre", "fits"),
    [((3.0, 2.0), True), ((1.6, 2.9), True), ((1.4, 2.0), False), ((3.0, 4.0), False)],
)
def test_principal_point_is_near_the_middle(centre: tuple[float, float], fits: bool) -> None:
    # The middle is (3, 2), and a quarter of the image 1.5 and 1.
    if fits:
        check_fit(Path("a.png"), IMAGE, Path("a.json"), centre)
    else:
        with pytest.raises(UnreadableFileError, match=r"a\.json.*a\.png.*6 x 4 pixels"):
            check_fit(Path("a.png"), IMAGE, Path("a.json"), centre)


def shrink(file: Path) -> None:
    """Takes every other row away."""
    if file.suffix == ".npy":
        np.save(file, np.load(file)[::2])
    else:
        cv2.imwrite(str(file), cv2.imread(str(file), cv2.IMREAD_UNCHANGED)[::2])


@pytest.mark.parametrize("reader", WITH_DEPTH)
def test_every_reader_names_sample_and_file(reader: str, tmp_path: Path) -> None:
    write, make = READERS[reader]
    write(tmp_path / "tree")
    data = make(tmp_path / "tree", SIZE)
    source = data.original("train")
    record = source.records[0]
    name = source.read(record, ["depth"])["name"]
    file = data.labelled("train", "depth").file(record)
    shrink(file)
    with pytest.raises(UnreadableFileError) as error:
        source.read(record, ["depth"])
    assert f"Sample `{name}`" in str(error.value)
    assert f"`{file}`" in str(error.value)
