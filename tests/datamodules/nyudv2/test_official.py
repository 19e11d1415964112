import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from datamodules.disk.images import UnreadableFileError
from datamodules.nyudv2 import NYUDv2
from datamodules.transforms import Sample
from tests.fakes import nyudv2 as fakes
from tests.fakes.nyudv2 import read

SIZE = (24, 32)
# The default window of the official frames starts at row 45 and column 40.
TOP, LEFT = 45, 40


@pytest.fixture(scope="module")
def official(tmp_path_factory) -> Path:
    return fakes.write_official(tmp_path_factory.mktemp("official"))


@pytest.fixture
def copied(tmp_path) -> Callable[[Path], Path]:
    """Copies a tree that a test is going to damage."""
    return lambda root: Path(shutil.copytree(root, tmp_path / root.name))


def at(sample: Sample, key: str, pixel: tuple[int, int]):
    """The value at a pixel of the official frames, in the window's own rows and columns."""
    return sample[key][pixel[0] - TOP, pixel[1] - LEFT]


def test_official_frames_are_those_of_the_splits_counted_from_one(official) -> None:
    data = NYUDv2(official, SIZE)
    names = {split: [r.name for r in data.records(split)] for split in ("train", "val", "test")}
    # Stored unsorted, as 3 1 and 4 2.
    assert names["train"] == ["nyu_0001", "nyu_0003"]
    assert names["val"] == names["test"] == ["nyu_0002", "nyu_0004"]
    assert data.records("val") == data.records("test")


def test_official_counts(official) -> None:
    data = NYUDv2(official, SIZE)
    assert [data.official(split) for split in ("train", "val", "test")] == [795, 654, 654]


def test_official_values_at_chosen_pixels(official) -> None:
    sample = read(official, ("segmentation", "depth"), "nyu_0003")
    # 470 - 45 rows and 600 - 40 columns.
    assert sample["image"].shape == (425, 560, 3)
    assert sample["image"].dtype == np.uint8
    assert at(sample, "image", fakes.KNOWN).tolist() == [10, 20, 30]
    # Raw 157, bed, is 4 of 40, hence train id 3; 21, wall, is 1; 894, torah, otherprop, is 40.
    assert at(sample, "segmentation", fakes.KNOWN) == 3
    assert sample["segmentation"][0, 0] == 0
    assert at(sample, "segmentation", fakes.RARE) == 39
    assert at(sample, "segmentation", fakes.UNLABELLED) == 255
    assert sample["depth"].dtype == np.float32
    assert at(sample, "depth", fakes.KNOWN) == 3.5
    assert np.isnan(at(sample, "depth", fakes.FAR))
    assert np.isnan(at(sample, "depth", fakes.NEAR))
    assert np.isnan(sample["depth"]).sum() == 2


def test_official_thirteen_classes(official) -> None:
    segmentation = read(official, ("segmentation",), "nyu_0003", label_space="nyu_13")
    # Bed is the first of 13, wall the twelfth, torah falls into objects, the seventh.
    assert at(segmentation, "segmentation", fakes.KNOWN) == 0
    assert segmentation["segmentation"][0, 0] == 11
    assert at(segmentation, "segmentation", fakes.RARE) == 6
    assert at(segmentation, "segmentation", fakes.UNLABELLED) == 255


def test_official_depth_as_sensed_has_holes(official) -> None:
    sample = read(official, ("depth",), "nyu_0003", raw_depth=True)
    assert at(sample, "depth", fakes.KNOWN) == 3.25
    assert np.isnan(at(sample, "depth", fakes.HOLE))
    assert np.isnan(sample["depth"]).sum() == 1


def test_depth_outside_the_range_is_unknown(official) -> None:
    sample = read(official, ("depth",), "nyu_0003", depth_range=(2.5, 3.5))
    # Of the frame only the pixel of 3.5 m remains; the rest is at 2 m.
    assert np.isfinite(sample["depth"]).sum() == 1
    assert at(sample, "depth", fakes.KNOWN) == 3.5


def test_official_camera_counts_from_the_corner_of_the_window(official) -> None:
    # The toolbox has the first pixel's centre at 1, its corner at 0.5: 325.58245 - 0.5 - 40 and
    # 253.73617 - 0.5 - 45.
    expected = [518.8579, 519.46961, 285.08245, 208.23617]
    np.testing.assert_allclose(read(official, ())["camera"], expected, rtol=1e-6)
    whole = read(official, (), window=(0, 480, 0, 640))
    assert whole["image"].shape == (480, 640, 3)
    np.testing.assert_allclose(whole["camera"][2:], [325.08245, 253.23617], rtol=1e-6)


def test_only_what_is_asked_for_is_read(official, copied) -> None:
    root = copied(official)
    with h5py.File(root / fakes.LABELED, "r+") as file:
        del file["labels"], file["rawDepths"]
    assert read(root, ("depth",)).keys() == {"name", "image", "camera", "depth"}
    with pytest.raises(UnreadableFileError, match="a data set `labels`"):
        read(root, ("segmentation",))


def test_reader_can_be_sent_to_a_worker_and_leaves_no_file_open(official) -> None:
    data = NYUDv2(official, SIZE)
    frame = data.records("train")[0]
    first = data.reader()(frame, ("depth",))
    # A handle that is open while workers fork would be shared by them, and their reads mixed up.
    assert h5py.h5f.get_obj_count(h5py.h5f.OBJ_ALL, h5py.h5f.OBJ_FILE) == 0
    second = pickle.loads(pickle.dumps(data.reader()))(frame, ("depth",))
    np.testing.assert_array_equal(first["depth"], second["depth"])


def test_official_samples_get_normals_and_edges(official) -> None:
    data = NYUDv2(official, (85, 112), seed=3, evaluated_at="network")
    data.setup("validate")
    sample = data.samples["val"][0]
    assert sample.keys() == {"image", "name", "camera", "segmentation", "depth", "normals", "edges"}
    # Frame 2 is a wall 2 m in front of the camera, parallel to it.
    middle = sample["normals"][:, 40, 60]
    torch.testing.assert_close(middle, torch.tensor([0.0, 0.0, -1.0]), rtol=0, atol=1e-4)
    assert sample["edges"].shape == (1, 85, 112)
    # 85 of 425 rows, 112 of 560 columns: a fifth in both directions.
    torch.testing.assert_close(sample["camera"][:2], torch.tensor([103.77158, 103.893922]))


DAMAGED_MATLAB: dict[str, Callable[[Path], object]] = {
    "empty": lambda file: file.write_bytes(b""),
    "cut off": lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
    "header only": lambda file: file.write_bytes(file.read_bytes()[:160]),
    "no MATLAB file": lambda file: file.write_bytes(b"<html>404</html>" * 200),
}


@pytest.mark.parametrize("damage", DAMAGED_MATLAB.values(), ids=DAMAGED_MATLAB)
@pytest.mark.parametrize("name", [fakes.LABELED, "splits.mat"])
def test_damaged_official_files_are_named(official, copied, damage, name: str) -> None:
    root = copied(official)
    damage(root / name)
    with pytest.raises(UnreadableFileError, match=f"{root / name}` should (hold|be) "):
        NYUDv2(root, SIZE).records("train")


@pytest.mark.parametrize(
    ("key", "array"),
    [
        ("images", np.zeros((4, 3, 480, 640), np.uint8)),
        ("images", np.zeros((4, 640, 480), np.uint8)),
        ("labels", np.zeros((4, 640, 480), np.uint8)),
        ("depths", np.zeros((4, 640, 480), np.uint16)),
        ("depths", np.zeros((4, 640), np.float32)),
        ("depths", np.zeros((2, 640, 480), np.float32)),
        ("labels", np.full((4, 640, 480), 895, np.uint16)),
        ("depths", np.full((4, 640, 480), np.inf, np.float32)),
        ("depths", np.full((4, 640, 480), np.nan, np.float32)),
        ("depths", np.full((4, 640, 480), -1, np.float32)),
    ],
)
def test_wrong_data_sets_of_the_official_file_are_named(official, copied, key, array) -> None:
    root = copied(official)
    with h5py.File(root / fakes.LABELED, "r+") as file:
        del file[key]
        file[key] = array
    with pytest.raises(UnreadableFileError, match=str(root / fakes.LABELED)):
        read(root, ("segmentation", "depth"), "nyu_0003")


def test_damaged_frame_of_the_official_file_is_named(tmp_path) -> None:
    file = tmp_path / fakes.LABELED
    with h5py.File(file, "w") as handle:
        handle.create_dataset(
            "images", (1, 3, 640, 480), np.uint8, chunks=(1, 3, 640, 480), compression="gzip"
        )[:] = 7
        chunk = handle["images"].id.get_chunk_info(0)
    fakes.write_splits(tmp_path, [1], [1])
    with file.open("r+b") as handle:
        handle.seek(chunk.byte_offset)
        handle.write(b"\0" * chunk.size)
    with pytest.raises(UnreadableFileError, match="frame 1 in `images`"):
        read(tmp_path, ())


@pytest.mark.parametrize("train", [[0, 1], [1, 5], [2, 2], []])
def test_wrong_frame_numbers_are_named(official, copied, train: list[int]) -> None:
    root = copied(official)
    fakes.write_splits(root, train, [4])
    with pytest.raises(UnreadableFileError, match=r"splits\.mat.*trainNdxs"):
        NYUDv2(root, SIZE).records("train")


def test_missing_split_file_is_named(official, copied) -> None:
    root = copied(official)
    (root / "splits.mat").unlink()
    with pytest.raises(FileNotFoundError, match=r"splits\.mat` should be there"):
        NYUDv2(root, SIZE).records("train")
