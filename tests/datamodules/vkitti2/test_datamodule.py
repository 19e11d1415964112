import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from jsonargparse import ArgumentParser

from datamodules import DenseDataModule
from datamodules.disk.images import UnreadableFileError
from datamodules.files import DatasetNotFoundError
from datamodules.vkitti2.datamodule import FRAMES, VKITTI2, stored_scenes
from tests.fakes.vkitti2 import HEADER, HEIGHT, WIDTH, frame_file, text_file, write_drive

SCENES = ("Scene01", "Scene02", "Scene06", "Scene18", "Scene20")
ONE = {"train": ["Scene01"]}


def vkitti2(root: Path, **settings) -> VKITTI2:
    defaults = {"image_size": (HEIGHT, WIDTH), "workers": 0, "batch_size": 1, "scenes": ONE}
    return VKITTI2(root, **defaults | settings)


def read(root: Path, **settings) -> dict[str, np.ndarray]:
    """The first training sample as the reader gives it."""
    data = vkitti2(root, **settings)
    source = data.source("train")
    return source.read(source.records[0], data.reads)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    write_drive(tmp_path, "Scene01")
    return tmp_path


def test_image_is_red_green_blue(tree: Path) -> None:
    image = read(tree)["image"]
    assert image.dtype == np.uint8
    # JPEG keeps one colour up to rounding.
    np.testing.assert_allclose(image[4, 4].astype(int), [200, 80, 40], atol=3)


def test_depth_is_in_centimetres_and_sky_unknown(tree: Path) -> None:
    depth = read(tree)["depth"]
    assert depth.dtype == np.float32
    # 257 would be 1 in either byte; 80 m are inside the range, 80.01 m and more are not.
    expected = [np.nan, 0.01, 2.57, 80, np.nan, np.nan, np.nan, 10]
    np.testing.assert_array_equal(depth[0, :8], np.float32(expected))


def test_sky_is_unknown_in_any_range(tree: Path) -> None:
    depth = read(tree, depth_range=(0.02, 1000.0))["depth"]
    expected = [np.nan, np.nan, 2.57, 80, 80.01, 655.34, np.nan, 10]
    np.testing.assert_array_equal(depth[0, :8], np.float32(expected))


def test_camera_is_that_of_the_frame_from_the_pixels_corner(tmp_path: Path) -> None:
    write_drive(tmp_path, "Scene01", numbers=(0, 7), cameras=(0, 1))
    data = vkitti2(tmp_path, cameras=(0, 1))
    source = data.source("train")
    cameras = {record[2:]: source.read(record, [])["camera"].tolist() for record in source.records}
    # 31.5 and 23.5 are the centre of 64 x 48 pixels if the first pixel's own centre is 0.
    assert cameras == {
        (0, 0): [50, 60, 32, 24],
        (0, 7): [57, 60, 32, 24],
        (1, 0): [50, 61, 32, 24],
        (1, 7): [57, 61, 32, 24],
    }


@pytest.mark.parametrize("archives", [False, True])
@pytest.mark.parametrize("spelling", ["classSegmentation", "classsegmentation"])
def test_both_unpackings_are_read(tmp_path: Path, archives: bool, spelling: str) -> None:
    write_drive(tmp_path, "Scene01", archives=archives)
    folder = frame_file(tmp_path, "classSegmentation", archives=archives).parents[1]
    folder.rename(folder.with_name(spelling))
    if archives:
        top = tmp_path / "vkitti_2.0.3_classSegmentation"
        top.rename(top.with_name(f"vkitti_2.0.3_{spelling}"))
    sample = read(tmp_path)
    assert sample.keys() == {"image", "name", "camera", "segmentation", "depth"}
    assert sample["camera"].tolist() == [50, 60, 32, 24]


def test_unpackings_may_differ_between_archives(tree: Path) -> None:
    top = tree / "vkitti_2.0.3_depth" / "Scene01" / "15-deg-left" / "frames"
    top.mkdir(parents=True)
    shutil.move(frame_file(tree, "depth").parents[1], top)
    assert read(tree)["depth"][1, 0] == 10


def test_names_and_order(tmp_path: Path) -> None:
    for variation in ("fog", "clone"):
        write_drive(tmp_path, "Scene01", (10, 9), (0, 1), variation)
    (frame_file(tmp_path, "rgb", variation="fog").parent / "rgb_00001.jpg.part").touch()
    data = vkitti2(tmp_path, variations=["fog", "clone"], cameras=[1])
    assert [record.name for record in data.source("train").records] == [
        "Scene01_fog_Camera_1_00009",
        "Scene01_fog_Camera_1_00010",
        "Scene01_clone_Camera_1_00009",
        "Scene01_clone_Camera_1_00010",
    ]


def test_scenes_are_split_once() -> None:
    assert stored_scenes() == {
        "train": ["Scene01", "Scene06", "Scene20"],
        "val": ["Scene02"],
        "test": ["Scene18"],
    }
    # 2126 frames, as the makers count them, times variations and cameras.
    assert sum(FRAMES.values()) == 2126


def test_official_counts(tmp_path: Path) -> None:
    data = vkitti2(tmp_path, scenes=None, variations=["clone", "rain"], cameras=[0, 1])
    # (447 + 270 + 837) * 2 * 2, and 233, and 339.
    assert [data.official(split) for split in ("train", "val", "test")] == [6216, 932, 1356]


def test_a_scene_in_two_splits_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="each scene once"):
        vkitti2(tmp_path, scenes={"train": ["Scene01", "Scene02"], "val": ["Scene02"]})


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("scenes", {"train": ["01"]}),
        ("scenes", {"training": ["Scene01"]}),
        ("variations", ["night"]),
        ("variations", []),
        ("variations", ["fog", "fog"]),
        ("cameras", [2]),
        ("label_space", "cityscapes"),
        ("depth_range", (-1.0, 80.0)),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, setting: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"`{setting}`"):
        vkitti2(tmp_path, **{setting: value})


def test_settings_come_from_yaml(tmp_path: Path) -> None:
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(DenseDataModule, "data")
    settings = f"""
      class_path: datamodules.vkitti2.datamodule.VKITTI2
      init_args:
        root: {tmp_path}
        image_size: [48, 64]
        label_space: cityscapes_19
        scenes: {{train: [Scene20], val: [Scene01]}}
        variations: [15-deg-left, fog]
        cameras: [0, 1]
    """
    data = parser.instantiate(parser.parse_object({"data": yaml.safe_load(settings)})).data
    assert data.official("train") == 837 * 4
    assert data.official("test") == 0


def test_missing_dataset_says_what_to_do(tmp_path: Path) -> None:
    said = rf"`{tmp_path}/Scene01/15-deg-left.*vkitti_2\.0\.3_rgb.*--as vkitti2 --out"
    with pytest.raises(DatasetNotFoundError, match=said):
        vkitti2(tmp_path).source("train")


def test_missing_drive_is_an_error(tree: Path) -> None:
    with pytest.raises(DatasetNotFoundError, match="Scene06"):
        vkitti2(tree, scenes={"train": ["Scene01", "Scene06"]}).source("train")


@pytest.mark.parametrize(("task", "kind"), [("depth", "depth"), ("segmentation", "classSeg")])
def test_only_the_files_of_a_task_are_needed(tree: Path, task: str, kind: str) -> None:
    for folder in (tree / "Scene01" / "15-deg-left" / "frames").iterdir():
        if not folder.name.startswith(("rgb", kind)):
            shutil.rmtree(folder)
    text_file(tree).unlink()
    assert read(tree, tasks=[task]).keys() == {"image", "name", task}


@pytest.mark.parametrize("kind", ["depth", "classSegmentation"])
def test_missing_partner_is_named_unless_its_frame_is_skipped(tmp_path: Path, kind: str) -> None:
    write_drive(tmp_path, "Scene01", (0, 1))
    file = frame_file(tmp_path, kind)
    file.unlink()
    with pytest.raises(FileNotFoundError, match=file.name):
        read(tmp_path)
    skip = tmp_path / "skip.txt"
    skip.write_text("Scene01_15-deg-left_Camera_0_00000\n")
    assert read(tmp_path, skip=skip)["name"] == "Scene01_15-deg-left_Camera_0_00001"


def test_normals_need_the_camera_file(tree: Path) -> None:
    text_file(tree).unlink()
    assert "camera" not in read(tree, tasks=["depth"])
    with pytest.raises(FileNotFoundError, match=r"intrinsic\.txt"):
        read(tree, tasks=["normals"])


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("", "found ``"),
        ("frame cameraID K[0,0]\n0 0 50\n", "`frame cameraID K[0,0]`"),
        (f"{HEADER}\n1 0 50 60 31.5 23.5\n", "lines for 1 others"),
        (f"{HEADER}\n0 0 50 60 31.5\n", "`0 0 50 60 31.5`"),
        (f"{HEADER}\n0 0 50 nan 31.5 23.5\n", "`0 0 50 nan 31.5 23.5`"),
        (f"{HEADER}\n0 0 50 -60 31.5 23.5\n", "`0 0 50 -60 31.5 23.5`"),
        (f"{HEADER}\n0 left 50 60 31.5 23.5\n", "`0 left 50 60 31.5 23.5`"),
        (b"\xff\xfe\x00", "codec"),
    ],
)
def test_damaged_camera_file_is_named(tree: Path, content: str | bytes, found: str) -> None:
    file = text_file(tree)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(UnreadableFileError) as error:
        read(tree)
    assert str(file) in str(error.value)
    assert found in str(error.value)


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-20])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def make_8_bit(file: Path) -> None:
    cv2.imwrite(str(file), np.zeros((HEIGHT, WIDTH), np.uint8))


@pytest.mark.parametrize("kind", ["rgb", "depth", "classSegmentation"])
@pytest.mark.parametrize("damage", [truncate, empty, make_8_bit])
def test_damaged_file_is_named(tree: Path, kind: str, damage) -> None:
    file = frame_file(tree, kind)
    damage(file)
    with pytest.raises(UnreadableFileError) as error:
        read(tree)
    assert str(file) in str(error.value)


def test_batch_has_what_is_derived(tmp_path: Path) -> None:
    for scene in SCENES:
        write_drive(tmp_path, scene)
    data = vkitti2(tmp_path, scenes=None, image_size=(24, 32), evaluated_at="network")
    data.setup()
    for loader in (data.train_dataloader(), data.val_dataloader(), data.test_dataloader()):
        batch = next(iter(loader))
        tasks = {"segmentation", "depth", "normals", "edges"}
        assert batch.keys() == {"image", "name", "camera", *tasks}
        assert batch["normals"].shape == batch["image"].shape == (1, 3, 24, 32)
    # Resized to a half, and so is the camera.
    assert batch["camera"].tolist() == [[25, 30, 16, 12]]
    # A wall of 10 m across the optical axis faces the camera.
    assert batch["normals"][0, :, 12, 16].tolist() == pytest.approx([0, 0, -1], abs=1e-5)


def test_a_camera_of_another_size_is_refused(tree: Path) -> None:
    # 128 x 96 pixels have their middle at 63.5, 47.5, counted from the pixels' centres.
    text_file(tree).write_text(f"{HEADER}\n0 0 50 60 63.5 47.5\n")
    with pytest.raises(ValueError, match=r"intrinsic\.txt.*rgb_00000\.jpg.*Scale the camera"):
        read(tree, tasks=["normals"])
