import logging
from pathlib import Path

import numpy as np
import pytest
import torch

from datamodules.files import DatasetNotFoundError
from datamodules.taskonomy.buildings import read_buildings
from tests.fakes.taskonomy import FOLDERS, read, taskonomy, view_file, write_view

SAMPLE = ("hanson", 9, 2)
TASKS = ("segmentation", "depth", "normals", "edges")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    write_view(tmp_path, *SAMPLE)
    return tmp_path


def test_image_is_red_green_blue(tree: Path) -> None:
    image = read(tree)["image"]
    assert image.dtype == np.uint8
    assert image[0, 0].tolist() == [10, 20, 30]


def test_name_has_building_point_and_view(tree: Path) -> None:
    assert read(tree)["name"] == "hanson_point_9_view_2"


def test_depth_is_a_512th_of_a_metre_and_65535_unknown(tree: Path) -> None:
    depth = read(tree)["depth"]
    assert depth.dtype == np.float32
    # Code 257 would be 1 in the low byte and 1 in the high byte; no surface is 0 m away.
    expected = [np.nan, 1 / 512, 257 / 512, 1, 10, 5121 / 512, 65534 / 512, np.nan, 2]
    np.testing.assert_array_equal(depth[0, :9], np.float32(expected))


def test_depth_outside_its_range_is_unknown(tree: Path) -> None:
    depth = read(tree, depth_range=(1.0, 10.0))["depth"]
    # The limits themselves, 512 / 512 and 5120 / 512, are inside.
    expected = [np.nan, np.nan, np.nan, 1, 10, np.nan, np.nan, np.nan, 2]
    np.testing.assert_array_equal(depth[0, :9], np.float32(expected))


@pytest.fixture
def euclidean(tmp_path: Path) -> Path:
    """The archives of images, distances and fields of view alone."""
    write_view(tmp_path, *SAMPLE, domains=("rgb", "depth_euclidean", "point_info"))
    return tmp_path


def test_distance_becomes_depth_by_the_field_of_view(euclidean: Path) -> None:
    found = read(euclidean, depth="euclidean", tasks=["depth"])
    assert found.keys() == {"image", "name", "depth"}
    # Half of the width, 32 pixels, is at 45 degrees. All are 1024 / 512 = 2 m away: beside the
    # middle that is 2 / √(1 + 2 (0.5 / 32)²), and in the last corner 2 / √(1 + 2 (31.5 / 32)²).
    depth = found["depth"]
    assert depth.dtype == np.float32
    np.testing.assert_allclose(depth[31:33, 31:33], 1.999512, rtol=1e-6)
    np.testing.assert_allclose(depth[63, 63], 1.1668230, rtol=1e-6)
    # Codes 0 and 65535 are unknown; 1 and 65534 are beside each other in the uppermost row.
    expected = [np.nan, 0.0011514014, 76.236143, np.nan]
    np.testing.assert_allclose(depth[0, :4], expected, rtol=1e-6)


def test_limits_of_depth_are_those_along_the_axis(euclidean: Path) -> None:
    found = read(euclidean, depth="euclidean", tasks=["depth"], depth_range=(1.5, 10.0))["depth"]
    assert (found[31, 31], np.isnan(found[63, 63])) == (pytest.approx(1.999512), True)


def test_distance_needs_the_field_of_view_of_every_building(euclidean: Path) -> None:
    write_view(euclidean, "merom", 0, 0, domains=("rgb", "depth_euclidean"))
    with pytest.raises(DatasetNotFoundError, match=r"`point_info` of every.*`merom`.*`zbuffer`"):
        taskonomy(euclidean, depth="euclidean", tasks=["depth"]).source("train")


def test_only_the_domain_that_is_asked_for_is_read(tree: Path) -> None:
    view_file(tree, "depth_zbuffer", *SAMPLE).unlink()
    with pytest.raises(FileNotFoundError, match="depth_zbuffer"):
        read(tree, tasks=["depth"])
    read(tree, tasks=["depth"], depth="euclidean")
    lone = ("hanson", 77, 0)
    write_view(tree, *lone, domains=("depth_euclidean",))
    files = taskonomy(tree, tasks=["depth"], depth="euclidean").unpaired("train")
    assert files == [view_file(tree, "depth_euclidean", *lone)]
    assert taskonomy(tree, tasks=["depth"]).unpaired("train") == []


def test_normals_are_unit_and_grey_unknown(tree: Path) -> None:
    normals = read(tree)["normals"]
    assert normals.dtype == np.float32
    # (204, 128, 26) * 2 / 255 - 1 = (0.6, 0.003922, -0.796078), whose length is 0.996873.
    np.testing.assert_allclose(normals[5, 5], [0.601882, 0.003934, -0.798575], atol=1e-6)
    # (128, 128, 0): 0.003922 twice and -1, whose length is 1.000015.
    np.testing.assert_allclose(normals[0, 2], [0.003922, 0.003922, -0.999985], atol=1e-6)
    # (128, 128, 128) is the code for none; (129, 128, 127) has no direction to speak of either.
    assert np.isnan(normals[0, :2]).all()
    assert np.isnan(normals).sum() == 6


def test_uncertain_pixels_have_no_class(tree: Path) -> None:
    segmentation = read(tree)["segmentation"]
    assert segmentation[0, :19].tolist() == [255, *range(17), 255]
    names = taskonomy(tree).labels["segmentation"].names
    assert (names[0], names[2], names[16]) == ("background", "chair", "vase")


def test_edges_are_on_the_scale_where_a_step_is_one(tree: Path) -> None:
    edges = read(tree)["edges"]
    assert edges.dtype == np.float32
    # Codes 0, 65535 / 255, a fifth of 65535 and 65535; a step from black to white is 0.182987.
    np.testing.assert_allclose(edges[0, :4], [0, 1 / 255 / 0.182987, 1, 1], rtol=1e-6)


@pytest.mark.parametrize("ending", ["point_info", "fixatedpose"])
def test_camera_comes_from_the_field_of_view(tree: Path, ending: str) -> None:
    file = view_file(tree, "point_info", *SAMPLE)
    file.rename(file.with_name(file.name.replace("point_info", ending)))
    # 32 pixels to each side at 45 degrees: the focal length is 32 pixels.
    np.testing.assert_allclose(read(tree)["camera"], [32, 32, 32, 32], rtol=1e-6)


def test_without_point_info_of_every_building_no_sample_has_a_camera(tree: Path) -> None:
    write_view(tree, "merom", 0, 0, domains=("rgb",))
    assert "camera" not in read(tree)


def test_missing_camera_file_is_named(tree: Path) -> None:
    file = view_file(tree, "point_info", *SAMPLE)
    file.unlink()
    with pytest.raises(FileNotFoundError, match=file.name):
        read(tree)


@pytest.mark.parametrize("layout", FOLDERS)
def test_every_tree_is_recognised_and_put_in_order(tmp_path: Path, layout: str) -> None:
    views = [("merom", 0, 0), ("hanson", 10, 0), ("hanson", 9, 10), ("hanson", 9, 2)]
    for view in views:
        write_view(tmp_path, *view, layout=layout)
    folder = view_file(tmp_path, "rgb", *SAMPLE, layout).parent
    for stray in ("point_1_view_1_domain_rgb.png.part", "point_01_view_1_domain_rgb.png", "a.txt"):
        (folder / stray).touch()
    data = taskonomy(tmp_path)
    assert [record.name for record in data.records("train")] == [
        "hanson_point_9_view_2",
        "hanson_point_9_view_10",
        "hanson_point_10_view_0",
        "merom_point_0_view_0",
    ]
    sample = read(tmp_path)
    assert sample.keys() == {"image", "name", "camera", *TASKS}


def test_two_trees_in_one_folder_are_refused(tree: Path) -> None:
    write_view(tree, "merom", 0, 0, layout="old")
    with pytest.raises(ValueError, match="found images in 2 forms"):
        taskonomy(tree).source("train")


def test_missing_dataset_says_what_to_do(tmp_path: Path) -> None:
    said = "rgb/taskonomy/<building>.*--as taskonomy --out"
    with pytest.raises(DatasetNotFoundError, match=said):
        taskonomy(tmp_path).source("val")


def test_split_without_images_is_an_error(tree: Path) -> None:
    with pytest.raises(DatasetNotFoundError, match=r"`val`.*4 of 4 .*collierville, corozal, dard"):
        taskonomy(tree).source("val")


def test_missing_buildings_are_named(tree: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        taskonomy(tree).source("train")
    assert "24 of 25 buildings" in caplog.text
    assert "woodbine" in caplog.text
    assert "hanson" not in caplog.text


def test_excluded_buildings_are_a_setting(tree: Path) -> None:
    assert "wiconisco" in taskonomy(tree, excluded=[]).buildings["val"]
    assert "corozal" not in taskonomy(tree, excluded=["corozal"]).buildings["val"]


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_split_file_of_ones_own(tree: Path, end: str) -> None:
    file = tree / "split.csv"
    lines = ["id,train,val,test", "hanson,0,1,0", "merom,1,0,0", "ihlen,0,0,1"]
    file.write_bytes(end.join(lines).encode())
    assert read_buildings(file) == {"train": ["merom"], "val": ["hanson"], "test": ["ihlen"]}
    data = taskonomy(tree, buildings=file)
    assert [record.name for record in data.source("val").records] == ["hanson_point_9_view_2"]


def test_split_without_buildings_is_an_error_where_it_is_used(tree: Path) -> None:
    file = tree / "split.csv"
    file.write_text("id,train,val,test\nhanson,1,0,0\nmerom,0,1,0\n")
    data = taskonomy(tree, buildings=file, excluded=["merom"])
    data.setup()
    assert len(data.train_dataloader()) == 1
    for split, loader in (("val", data.val_dataloader), ("test", data.test_dataloader)):
        with pytest.raises(ValueError, match=f"a building of the split `{split}`"):
            loader()


def test_missing_split_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"split\.csv.*`subset`"):
        taskonomy(tmp_path, buildings=tmp_path / "split.csv")


@pytest.mark.parametrize(
    ("setting", "value"),
    [("subset", "huge"), ("depth_range", (2.0, 1.0)), ("tasks", ["pose"]), ("depth", "z")],
)
def test_wrong_settings_are_named(tree: Path, setting: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"`{setting}`"):
        taskonomy(tree, **{setting: value})


def test_batch_has_the_networks_size(tree: Path) -> None:
    write_view(tree, "darden", 0, 0)
    data = taskonomy(tree, image_size=(32, 48))
    data.setup("fit")
    for loader in (data.train_dataloader(), data.val_dataloader()):
        batch = next(iter(loader))
        assert batch.keys() == {"image", "name", "camera", *TASKS}
        assert batch["image"].shape == (1, 3, 32, 48)
        assert batch["normals"].shape == (1, 3, 32, 48)
        assert batch["depth"].shape == batch["edges"].shape == (1, 1, 32, 48)
        assert batch["segmentation"].dtype == torch.int64
    # Resized alone: half as high, three quarters as wide, and so is the camera.
    assert batch["camera"].tolist() == [[24, 16, 24, 16]]
