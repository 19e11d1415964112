import shutil
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from datamodules import Synthia
from datamodules.disk.images import UnreadableFileError
from datamodules.files import DatasetNotFoundError
from datamodules.synthia.datamodule import stored_numbers
from datamodules.transforms import Sample
from tests.fakes import synthia as fakes

SIZE = (38, 64)
FIRST = "0000752"


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    return fakes.write_tree(tmp_path_factory.mktemp("synthia"))


@pytest.fixture
def own(tree: Path, tmp_path: Path) -> Path:
    """A copy that may be damaged."""
    return shutil.copytree(tree, tmp_path / "synthia")


def synthia(root: Path, **settings) -> Synthia:
    return Synthia(root, SIZE, **{"batch_size": 1, "workers": 0} | settings)


def first(data: Synthia) -> Sample:
    """The first sample of `val` as it lies on disk."""
    source = data.source("val")
    return source.read(source.records[0], data.reads)


def test_every_class_id(tree: Path) -> None:
    found = first(synthia(tree, tasks=["segmentation"]))["segmentation"]
    assert found.dtype == np.uint8
    # Ids 0 to 22: void, sky, building, road, sidewalk, fence, vegetation, pole, car, sign,
    # pedestrian, bicycle, motorcycle, parking, road work, light, terrain, rider, truck, bus, train,
    # wall, lane marking; in Cityscapes' order without terrain, truck and train.
    expected = [
        255, 9, 2, 0, 1, 4, 8, 5, 12, 7, 10, 15, 14, 255, 255, 6, 255, 11, 255, 13, 255, 3, 255,
    ]  # fmt: skip
    assert found[0, :23].tolist() == expected
    assert (found[2:] == 0).all()


def test_labels_in_the_19_classes_of_cityscapes(tree: Path) -> None:
    data = synthia(tree, tasks=["segmentation"], label_space="cityscapes_19")
    # terrain, truck, train
    assert first(data)["segmentation"][0, [16, 18, 20]].tolist() == [9, 14, 16]


def test_every_kind_of_depth(tree: Path) -> None:
    depth = first(synthia(tree, tasks=["depth"]))["depth"]
    assert depth.dtype == np.float32
    # Centimetres: 0 is unknown, 256 needs the second byte, 8001 is beyond 80 m.
    expected = [np.nan, 0.01, 2.56, 12.34, 80, np.nan, np.nan]
    np.testing.assert_allclose(depth[1, :7], expected, rtol=1e-6)
    far = first(synthia(tree, tasks=["depth"], depth_range=(0.1, 100.0)))["depth"]
    np.testing.assert_allclose(far[1, [1, 5]], [np.nan, 80.01], rtol=1e-6)


def test_camera_is_scaled_to_the_image(tree: Path) -> None:
    # 128 x 76 pixels are a tenth of 1280 x 760.
    np.testing.assert_allclose(first(synthia(tree))["camera"], [53.2740352, 53.2740352, 64, 38])


def test_sample_at_the_networks_resolution(tree: Path) -> None:
    data = synthia(tree, evaluated_at="network")
    data.setup("validate")
    sample = data.samples["val"][0]
    assert sample.keys() == {
        "image", "name", "camera", "segmentation", "depth", "normals", "edges",
    }  # fmt: skip
    assert sample["normals"].shape == (3, *SIZE)
    # The tree's depth is a wall that faces the camera.
    assert sample["normals"][:, 20, 20].tolist() == [0, 0, -1]
    np.testing.assert_allclose(sample["camera"], [26.6370176, 26.6370176, 32, 19], rtol=1e-6)


def test_stored_split_has_every_image_once() -> None:
    splits = {split: stored_numbers(split) for split in ("train", "val", "test")}
    assert {split: len(numbers) for split, numbers in splits.items()} == {
        "train": 7520,
        "val": 940,
        "test": 940,
    }
    everything = sorted(number for numbers in splits.values() for number in numbers)
    assert everything == [f"{number:07d}" for number in range(9400)]


def test_neighbours_are_parted_at_few_seams() -> None:
    split_of = {
        number: split for split in ("train", "val", "test") for number in stored_numbers(split)
    }
    order = [split_of[f"{number:07d}"] for number in range(9400)]
    # Ten blocks are held out; the last ends with the dataset.
    assert sum(before != after for before, after in pairwise(order)) == 19


def test_records_are_those_on_disk_in_their_split(tree: Path) -> None:
    data = synthia(tree)
    for split, numbers in fakes.NUMBERS.items():
        assert [record.name for record in data.records(split)] == [f"{n:07d}" for n in numbers]
        assert data.official(split) == len(stored_numbers(split))


def test_root_may_be_the_folder_itself(tree: Path) -> None:
    data = synthia(tree / "RAND_CITYSCAPES")
    assert first(data)["name"] == FIRST


def test_only_the_files_of_the_tasks_are_needed(own: Path) -> None:
    shutil.rmtree(own / "RAND_CITYSCAPES" / "GT")
    assert first(synthia(own, tasks=["normals"])).keys() == {"image", "name", "camera", "depth"}
    with pytest.raises(DatasetNotFoundError, match="the folders `RAND_CITYSCAPES/GT/LABELS`"):
        synthia(own).source("val")


def test_missing_dataset_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DatasetNotFoundError, match=r"RAND_CITYSCAPES/RGB.*--as synthia --out"):
        synthia(tmp_path).setup("fit")


@pytest.mark.parametrize(
    ("folder", "content", "problem"),
    [
        ("RGB", np.zeros((*fakes.SIZE, 3), np.uint16), "8-bit RGB, found .*16-bit RGB"),
        ("GT/LABELS", np.zeros((*fakes.SIZE, 3), np.uint8), "16-bit RGB, found .*8-bit RGB"),
        ("GT/LABELS", np.full((*fakes.SIZE, 3), 23, np.uint16), "class ids from 0 to 22 in red"),
        ("Depth", np.zeros(fakes.SIZE, np.uint16), "16-bit RGB, found .*16-bit grey"),
    ],
)
def test_damaged_file_is_named(own: Path, folder: str, content: np.ndarray, problem: str) -> None:
    file = fakes.path(own, folder, FIRST)
    cv2.imwrite(str(file), content)
    with pytest.raises(UnreadableFileError, match=f"{folder}/{FIRST}.png` should.*{problem}"):
        first(synthia(own))


def test_missing_partner_is_named(own: Path) -> None:
    fakes.path(own, "Depth", FIRST).unlink()
    with pytest.raises(FileNotFoundError, match=f"Depth/{FIRST}.png` does not exist"):
        first(synthia(own))
