from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io

from datamodules.nyudv2.layout_official import OfficialNYUDv2
from datamodules.rendering import ROOM_CLASSES, Frame
from datamodules.writing import Place, Plan, make_plan, write_scenes
from datamodules.writing.files import save

# Raw ids, and their names, of the .mat file.
RAW = {
    "floor": (11, "floor"),
    "ceiling": (4, "ceiling"),
    "wall": (21, "wall"),
    "panel": (64, "picture"),
    "box": (3, "cabinet"),
    "sphere": (5, "chair"),
    "cylinder": (19, "table"),
    "cone": (144, "lamp"),
}

Scenes = Callable[[Plan], Iterator[tuple[Place, Frame]]]


@pytest.fixture(scope="module")
def plan(written: Callable[..., Plan]) -> Plan:
    return written("nyudv2", "mat", None, 1)


@pytest.fixture(scope="module")
def frames(plan: Plan, scenes: Scenes) -> list[Frame]:
    return [frame for _, frame in scenes(plan)]


@pytest.fixture(scope="module")
def labeled(plan: Plan) -> Iterator[h5py.File]:
    with h5py.File(plan.out / "nyu_depth_v2_labeled.mat", "r") as handle:
        yield handle


def test_two_files(plan: Plan, tree: Callable[[Plan], set[str]]) -> None:
    assert tree(plan) == {"nyu_depth_v2_labeled.mat", "splits.mat"}
    assert [place.split for place in plan.places] == ["train", "test"]


def test_header_is_matlab_s(plan: Plan) -> None:
    with (plan.out / "nyu_depth_v2_labeled.mat").open("rb") as file:
        start = file.read(520)
    assert start.startswith(b"MATLAB 7.3 MAT-file")
    # Version 2.0, little endian; then, after the block for the user, HDF5's own signature.
    assert start[124:128] == b"\x00\x02IM"
    assert start[512:520] == b"\x89HDF\r\n\x1a\n"


def test_axes_are_reversed(labeled: h5py.File, frames: list[Frame]) -> None:
    assert labeled["images"].shape == (2, 3, 640, 480)
    assert labeled["images"].dtype == np.uint8
    for place, frame in enumerate(frames):
        image = labeled["images"][place]
        # Channel, column, row.
        assert image[2, 600, 30] == frame.image[30, 600, 2]
        np.testing.assert_array_equal(image.transpose(2, 1, 0), frame.image)


def test_depth_is_in_metres(labeled: h5py.File, frames: list[Frame]) -> None:
    for place, frame in enumerate(frames):
        depth, sensed = labeled["depths"][place], labeled["rawDepths"][place]
        assert depth.dtype == sensed.dtype == np.float32
        np.testing.assert_array_equal(depth.T, frame.depth)
        # The sensor sees less: 8 pixels on every side are missing.
        np.testing.assert_array_equal(sensed[8:-8, 8:-8], depth[8:-8, 8:-8])
        assert (sensed == 0).sum() == 640 * 480 - 624 * 464


def test_labels_are_raw_ids(labeled: h5py.File, frames: list[Frame]) -> None:
    ids = np.array([RAW[name][0] for name, _ in ROOM_CLASSES])
    for place, frame in enumerate(frames):
        labels = labeled["labels"][place]
        assert labels.dtype == np.uint16
        np.testing.assert_array_equal(labels.T, ids[frame.segmentation])


def test_instances_are_counted_from_1_in_every_class(
    labeled: h5py.File, frames: list[Frame]
) -> None:
    for place, frame in enumerate(frames):
        instances = labeled["instances"][place].T
        assert instances.dtype == np.uint8
        for number in np.unique(frame.segmentation):
            own = np.unique(instances[frame.segmentation == number])
            assert own.tolist() == list(range(1, len(own) + 1))


def test_names_are_references_to_codes(labeled: h5py.File) -> None:
    assert labeled["names"].shape == (1, 894)
    for number, name in RAW.values():
        codes = labeled[labeled["names"][0, number - 1]][:]
        assert codes.dtype == np.uint16
        assert "".join(map(chr, codes.ravel())) == name


def test_types_are_matlab_s(labeled: h5py.File) -> None:
    types = {key: labeled[key].attrs["MATLAB_class"] for key in ("images", "depths", "names")}
    assert types == {"images": b"uint8", "depths": b"single", "names": b"cell"}


def test_splits_count_from_1(plan: Plan) -> None:
    splits = scipy.io.loadmat(plan.out / "splits.mat")
    assert splits["trainNdxs"].tolist() == [[1]]
    assert splits["testNdxs"].tolist() == [[2]]
    assert splits["testNdxs"].dtype == np.uint16


def test_camera_is_the_toolbox_s(frames: list[Frame]) -> None:
    for frame in frames:
        expected = (518.8579, 519.46961, 325.58245 - 0.5, 253.73617 - 0.5)
        assert frame.camera == pytest.approx(expected)


def test_size_is_part_of_the_format(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"`size` should be \(480, 640\).*found \(48, 64\)"):
        write_scenes("nyudv2", tmp_path / "new", 1, size=(48, 64))


def test_what_is_there_is_kept(tmp_path: Path) -> None:
    plan = make_plan("nyudv2", tmp_path / "new", 1)
    save(plan.out / "scenes.json", plan.settings)
    file = plan.out / "nyu_depth_v2_labeled.mat"
    file.write_bytes(b"as it is")
    plan.write(processes=0)
    assert file.read_bytes() == b"as it is"
    assert (plan.out / "splits.mat").is_file()


def test_no_half_file_is_left_or_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: OfficialNYUDv2, frame: Frame) -> dict[str, np.ndarray]:
        raise OSError("no space left on device")

    monkeypatch.setattr(OfficialNYUDv2, "_values", fail)
    plan = make_plan("nyudv2", tmp_path / "new", 1)
    save(plan.out / "scenes.json", plan.settings)
    left = ".nyu_depth_v2_labeled.mat.77.vtagml.partial"
    mine = ".nyu_depth_v2_labeled.mat-download.partial"
    for name in (left, mine):  # of a run that was killed, and of another program
        (plan.out / name).touch()
    with pytest.raises(OSError, match="no space"):
        plan.write(processes=0)
    assert {file.name for file in plan.out.iterdir()} == {"scenes.json", mine}


def test_every_scene_class_has_an_id() -> None:
    assert dict(OfficialNYUDv2.ids) == {name: number for name, (number, _) in RAW.items()}
    assert set(RAW) == {name for name, _ in ROOM_CLASSES}
