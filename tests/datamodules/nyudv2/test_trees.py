import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datamodules.disk.images import UnreadableFileError
from datamodules.nyudv2 import NYUDv2
from tests.fakes import nyudv2 as fakes
from tests.fakes.nyudv2 import read

SIZE = (24, 32)
ALL = ("segmentation", "depth", "normals", "edges")


@pytest.fixture(scope="module", params=["npy", "png"])
def multitask(request, tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("multitask") / "NYUD_MT"
    return fakes.write_multitask(root, png=request.param == "png")


@pytest.fixture(scope="module")
def mtan(tmp_path_factory) -> Path:
    return fakes.write_mtan(tmp_path_factory.mktemp("mtan"))


@pytest.fixture
def copied(tmp_path) -> Callable[[Path], Path]:
    """Copies a tree that a test is going to damage."""
    return lambda root: Path(shutil.copytree(root, tmp_path / root.name))


def test_multitask_names_come_from_the_lists(multitask) -> None:
    data = NYUDv2(multitask, SIZE)
    assert [record.name for record in data.records("train")] == ["train_10", "train_9"]
    assert [record.name for record in data.records("test")] == ["val_1"]


def test_multitask_values_at_chosen_pixels(multitask) -> None:
    sample = read(multitask, ALL, edges="boundaries")
    assert sample["image"].shape == (24, 32, 3)
    assert sample["segmentation"][3, 4:7].tolist() == [0, 39, 255]  # stored as 1, 40, 0
    assert sample["depth"][3, 4:6].tolist() == [2.0, 3.5]
    assert np.isnan(sample["depth"][3, 6])
    assert np.isnan(sample["depth"]).sum() == 1
    # Stored with x left, y up, z to the camera. 8 bits are within 1 / 255 per channel.
    tolerance = 0.006
    np.testing.assert_allclose(sample["normals"][0, 0], [0, 0, -1], atol=tolerance)
    np.testing.assert_allclose(sample["normals"][3, 5], [-0.6, 0, -0.8], atol=tolerance)
    np.testing.assert_allclose(sample["normals"][3, 7], [0, -1, 0], atol=tolerance)
    assert np.isnan(sample["normals"]).all(axis=-1).sum() == 1
    assert np.isnan(sample["normals"][3, 6]).all()
    length = np.linalg.norm(sample["normals"], axis=-1)
    np.testing.assert_allclose(length[~np.isnan(length)], 1, rtol=1e-6)
    assert sample["edges"][3, 4:7].tolist() == [0, 1, 0]
    assert sample["edges"].dtype == np.float32


def test_multitask_png_image_is_read_to_the_bit(tmp_path) -> None:
    root = fakes.write_multitask(tmp_path / "NYUDv2", png=True)
    # The folder around the archive's own will do.
    assert read(tmp_path, ())["image"][3, 5].tolist() == [10, 20, 30]
    assert "camera" not in read(root, ())


def test_multitask_camera_is_known_for_frames_of_the_known_window(tmp_path) -> None:
    root = fakes.write_multitask(tmp_path / "NYUD_MT", png=False, size=(425, 560))
    expected = [518.8579, 519.46961, 285.08245, 208.23617]
    np.testing.assert_allclose(read(root, ())["camera"], expected, rtol=1e-6)


def test_multitask_edges_are_sobel_unless_boundaries_are_asked_for(multitask) -> None:
    assert NYUDv2(multitask, SIZE).derives.keys() == {"edges"}
    assert NYUDv2(multitask, SIZE, edges="boundaries").derives.keys() == set()


def test_multitask_samples_hold_every_task(multitask) -> None:
    data = NYUDv2(multitask, (12, 16), edges="boundaries", evaluated_at="network")
    data.setup("validate")
    sample = data.samples["val"][0]
    assert sample.keys() == {"image", "name", *ALL}
    assert {tuple(sample[task].shape[-2:]) for task in ALL} == {(12, 16)}


def test_turned_normals_are_refused(multitask) -> None:
    with pytest.raises(ValueError, match=r"`normals_axes` \(-1, -1, 1\).*train_10"):
        read(multitask, ("normals",), normals_axes=(-1, -1, 1))


def folder_file(root: Path, folder: str) -> Path:
    return next((root / folder).glob("train_10.*"))


@pytest.mark.parametrize("folder", ["images", "segmentation", "depth", "normals", "edge"])
@pytest.mark.parametrize("share", [None, 0.0, 0.5])
def test_missing_empty_and_truncated_files_are_named(multitask, copied, folder, share) -> None:
    root = copied(multitask)
    file = folder_file(root, folder)
    content = file.read_bytes()
    file.unlink() if share is None else file.write_bytes(content[: int(share * len(content))])
    error = FileNotFoundError if share is None else UnreadableFileError
    with pytest.raises(error, match=str(file.with_suffix(""))):
        read(root, ALL, edges="boundaries")


WRONG_ARRAYS = {
    "depth": [
        np.zeros((24, 32, 3), np.float32),
        np.zeros((24, 32), np.uint16),
        np.zeros((24, 32), np.complex64),
        np.full((24, 32), np.inf, np.float32),
        np.array([[{}]]),
    ],
    "normals": [
        np.zeros((24, 32), np.float32),
        np.zeros((24, 32, 4), np.float32),
        np.full((24, 32, 3), 128, np.uint8),
        np.full((24, 32, 3), np.nan, np.float32),
    ],
    "edge": [np.full((24, 32), 255, np.uint8), np.zeros((24, 32, 1), np.float32)],
}


@pytest.mark.parametrize(
    ("folder", "array"), [(key, array) for key, arrays in WRONG_ARRAYS.items() for array in arrays]
)
def test_wrong_arrays_are_named(tmp_path, folder: str, array: np.ndarray) -> None:
    root = fakes.write_multitask(tmp_path / "NYUD_MT", png=False)
    np.save(folder_file(root, folder), array, allow_pickle=True)
    with pytest.raises(UnreadableFileError, match=f"{folder}/train_10.npy"):
        read(root, ALL, edges="boundaries")


def test_class_ids_beyond_the_forty_are_refused(tmp_path) -> None:
    root = fakes.write_multitask(tmp_path / "NYUD_MT", png=False)
    file = folder_file(root, "segmentation")
    Image.fromarray(np.full((24, 32), 41, np.uint8)).save(file)
    with pytest.raises(UnreadableFileError, match=r"train_10\.png.*from 41 to 41"):
        read(root, ("segmentation",))


@pytest.mark.parametrize("names", ["", "a\na\n", "../a\n"])
def test_wrong_lists_are_named(tmp_path, names: str) -> None:
    root = fakes.write_multitask(tmp_path / "NYUD_MT", png=False)
    (root / "gt_sets" / "train.txt").write_text(names)
    with pytest.raises(UnreadableFileError, match=r"gt_sets/train\.txt"):
        NYUDv2(root, SIZE).records("train")


def test_mtan_values_at_chosen_pixels(mtan) -> None:
    data = NYUDv2(mtan, SIZE, label_space="nyu_13")
    # By number, not by name: 9 comes before 10.
    assert [record.name for record in data.records("train")] == ["train_0009", "train_0010"]
    assert data.records("val") == data.records("test")
    sample = read(mtan, ALL[:3], label_space="nyu_13")
    assert sample["image"][3, 5].tolist() == [10, 20, 30]
    assert sample["segmentation"][3, 4:7].tolist() == [0, 12, 255]
    assert sample["depth"][3, 4:6].tolist() == [2.0, 3.5]
    assert np.isnan(sample["depth"][3, 6])
    np.testing.assert_allclose(sample["normals"][3, 5], [-0.6, 0, -0.8], rtol=1e-6)
    assert np.isnan(sample["normals"][3, 6]).all()
    assert data.derives.keys() == {"edges"}


@pytest.mark.parametrize(
    ("kind", "array"),
    [
        ("image", np.full((24, 32, 3), 2.0)),
        ("image", np.zeros((3, 24, 32))),
        ("label", np.full((24, 32), 13.0)),
        ("label", np.full((24, 32), 0.5)),
        ("label", np.full((24, 32), np.nan)),
        ("depth", np.zeros((24, 32))),
        ("normal", np.zeros((24, 32))),
    ],
)
def test_wrong_arrays_of_mtan_are_named(tmp_path, kind: str, array: np.ndarray) -> None:
    root = fakes.write_mtan(tmp_path)
    np.save(root / "train" / kind / "9.npy", array)
    with pytest.raises(UnreadableFileError, match=f"train/{kind}/9.npy"):
        read(root, ALL[:3], label_space="nyu_13")


@pytest.mark.parametrize("value", [np.nan, -1.0])
def test_depth_that_is_no_distance_is_refused(tmp_path, value: float) -> None:
    fakes.write_multitask(tmp_path / "NYUD_MT", png=False)
    for file in (tmp_path / "NYUD_MT" / "depth").iterdir():
        np.save(file, np.full((24, 32), value, np.float32))
    data = NYUDv2(tmp_path, (24, 32))
    with pytest.raises(UnreadableFileError, match=r"depth.*\.npy`.*768 values that are NaN or neg"):
        data.reader()(data.records("train")[0], ["depth"])
