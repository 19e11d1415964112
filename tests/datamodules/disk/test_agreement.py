"""A label of another size than its image: the error names the sample and the file."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from datamodules import VKITTI2, Cityscapes, NYUDv2, Synthia, Taskonomy
from datamodules.disk.agreement import check_fit, same_size
from datamodules.disk.images import UnreadableFileError
from datamodules.files import FileDataModule
from datamodules.samples import Source
from tests.fakes import cityscapes, nyudv2, synthia, taskonomy, vkitti2

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


def write_cityscapes(root: Path) -> tuple[FileDataModule, Path]:
    name = "aachen_000000_000019"
    cityscapes.write_snapshot(root, "train", name)
    return Cityscapes(root, (16, 24)), cityscapes.path(root, "train", name, "disparity.png")


def write_synthia(root: Path) -> tuple[FileDataModule, Path]:
    synthia.write_picture(root, "0000000")
    return Synthia(root, (16, 24)), synthia.path(root, "Depth", "0000000")


def write_vkitti2(root: Path) -> tuple[FileDataModule, Path]:
    vkitti2.write_drive(root, "Scene01")
    data = VKITTI2(root, (16, 24), scenes={"train": ["Scene01"]})
    return data, vkitti2.frame_file(root, "depth")


def write_taskonomy(root: Path) -> tuple[FileDataModule, Path]:
    taskonomy.write_view(root, "hanson", 1, 2)
    return Taskonomy(root, (16, 24)), taskonomy.view_file(root, "depth_zbuffer", "hanson", 1, 2)


def write_multitask(root: Path) -> tuple[FileDataModule, Path]:
    nyudv2.write_multitask(root, png=True)
    return NYUDv2(root, (16, 24)), root / "depth" / "train_10.npy"


def write_mtan(root: Path) -> tuple[FileDataModule, Path]:
    nyudv2.write_mtan(root)
    data = NYUDv2(root, (16, 24), label_space="nyu_13")
    return data, root / "train" / "depth" / "9.npy"


def shrink(file: Path) -> None:
    """Takes every other row away."""
    if file.suffix == ".npy":
        np.save(file, np.load(file)[::2])
    else:
        cv2.imwrite(str(file), cv2.imread(str(file), cv2.IMREAD_UNCHANGED)[::2])


@pytest.mark.parametrize(
    "write",
    [
        write_cityscapes,
        write_synthia,
        write_vkitti2,
        write_taskonomy,
        write_multitask,
        write_mtan,
    ],
)
def test_every_reader_names_sample_and_file(
    write: Callable[[Path], tuple[FileDataModule, Path]], tmp_path: Path
) -> None:
    data, file = write(tmp_path / "tree")
    source: Source = data.source("train")
    name = source.read(source.records[0], ["depth"])["name"]
    shrink(file)
    with pytest.raises(UnreadableFileError) as error:
        source.read(source.records[0], ["depth"])
    assert f"Sample `{name}`" in str(error.value)
    assert f"`{file}`" in str(error.value)
