import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from datamodules import Cityscapes
from datamodules.derive import normals_from_depth
from datamodules.disk.images import UnreadableFileError
from datamodules.files import DatasetNotFoundError
from datamodules.samples import Draw
from datamodules.transforms import Sample
from tests.fakes import cityscapes as fakes

SIZE = (32, 64)
FIRST = "frankfurt_000000_000019"


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    return fakes.write_tree(tmp_path_factory.mktemp("cityscapes"))


@pytest.fixture
def own(tree: Path, tmp_path: Path) -> Path:
    """A copy that may be damaged."""
    return shutil.copytree(tree, tmp_path / "cityscapes")


def cityscapes(root: Path, **settings) -> Cityscapes:
    return Cityscapes(root, SIZE, **{"batch_size": 1, "workers": 0} | settings)


def first(data: Cityscapes, split: str = "val") -> Sample:
    """The first sample as it lies on disk."""
    source = data.source(split)
    return source.read(source.records[0], data.reads)


def test_every_label_id(tree: Path) -> None:
    found = first(cityscapes(tree, tasks=["segmentation"]))["segmentation"]
    assert found.dtype == np.uint8
    # The benchmark's 19 classes in the order of the label ids 0 to 33.
    expected = [
        *[255] * 7, 0, 1, 255, 255, 2, 3, 4, *[255] * 3, 5, 255, 6, 7, 8, 9, 10,
        11, 12, 13, 14, 15, 255, 255, 16, 17, 18,
    ]  # fmt: skip
    assert found[0, :34].tolist() == expected
    assert (found[2:] == 0).all()


def test_license_plates_are_unknown(own: Path) -> None:
    ids = np.full(fakes.SIZE, 26, np.uint8)
    ids[3, 4] = 255  # -1 in eight bits
    cv2.imwrite(str(fakes.path(own, "val", FIRST, "gtFine_labelIds.png")), ids)
    found = first(cityscapes(own, tasks=["segmentation"]))["segmentation"]
    assert found[3, 3:6].tolist() == [13, 255, 13]


@pytest.mark.parametrize(
    ("space", "truck", "count"),
    [
        ("cityscapes_16", 255, 16),
        ("cityscapes_13", 255, 13),
        ("vkitti2_8", 7, 8),
        ("vkitti2_8_strict", 255, 8),
        ("ctrl_7", 6, 7),
        ("densemtl_7", 255, 7),
    ],
)
def test_labels_in_the_space_of_another_dataset(
    tree: Path, space: str, truck: int, count: int
) -> None:
    data = cityscapes(tree, tasks=["segmentation"], label_space=space)
    assert first(data)["segmentation"][0, 27] == truck
    assert len(data.labels["segmentation"].names) == count


def test_every_kind_of_disparity(tree: Path) -> None:
    depth = first(cityscapes(tree, tasks=["depth"]))["depth"]
    assert depth.dtype == np.float32
    # depth = 0.25 m * 2000 px / ((code - 1) / 256) = 128000 / (code - 1), up to 80 m:
    # codes 0 (unknown) and 1 (infinitely far), 2 -> 128 km, 1600 -> 80.05 m, 1601 -> 80 m,
    # 2561 -> 50 m, 32257 -> 3.968254 m, 65535 -> 1.953185 m.
    expected = [np.nan, np.nan, np.nan, np.nan, 80, 50, 3.968254, 1.953185]
    np.testing.assert_allclose(depth[1, :8], expected, rtol=1e-6)
    assert (depth[2:] == 50).all()


def test_range_of_depth_is_a_setting(tree: Path) -> None:
    depth = first(cityscapes(tree, tasks=["depth"], depth_range=(2.0, 200000.0)))["depth"]
    expected = [np.nan, np.nan, 128000, 80.05003, 80, 50, 3.968254, np.nan]
    np.testing.assert_allclose(depth[1, :8], expected, rtol=1e-6)


def test_what_is_infinitely_far_is_unknown_in_every_range(tree: Path) -> None:
    depth = first(cityscapes(tree, tasks=["depth"], depth_range=(2.0, np.inf)))["depth"]
    expected = [np.nan, np.nan, 128000, 80.05003, 80, 50, 3.968254, np.nan]
    np.testing.assert_allclose(depth[1, :8], expected, rtol=1e-6)


def test_camera_is_that_of_the_image(own: Path) -> None:
    other = fakes.CAMERA | {"intrinsic": {"fx": 1000, "fy": 1001, "u0": 50, "v0": 30}}
    fakes.path(own, "val", FIRST, "camera.json").write_text(json.dumps(other))
    source = cityscapes(own).source("val")
    near, far = (source.read(record, ["depth"]) for record in source.records)
    assert near["camera"].tolist() == [1000, 1001, 50, 30]
    assert far["camera"].tolist() == [2000, 1990, 65.5, 31.5]
    assert (near["depth"][5, 5], far["depth"][5, 5]) == (25, 50)


@pytest.mark.parametrize("archives", [False, True])
def test_both_unpackings(tmp_path: Path, archives: bool) -> None:
    data = cityscapes(fakes.write_tree(tmp_path, archives))
    names = [record.name for record in data.records("train")]
    assert names == [
        f"{city}_{number:06d}_000019" for city in ("aachen", "bochum") for number in (0, 1)
    ]
    assert first(data).keys() == {"image", "name", "camera", "segmentation", "depth"}


def test_sample_at_the_networks_resolution(tree: Path) -> None:
    data = cityscapes(tree, evaluated_at="network")
    data.setup("validate")
    sample = data.samples["val"][0]
    assert sample["name"] == FIRST
    assert {key: tuple(value.shape) for key, value in sample.items() if key != "name"} == {
        "image": (3, 32, 64), "camera": (4,), "segmentation": (32, 64),
        "depth": (1, 32, 64), "normals": (3, 32, 64), "edges": (1, 32, 64),
    }  # fmt: skip
    # Half the size: half the focal lengths, and the principal point at half of its place.
    assert sample["camera"].tolist() == [1000, 995, 32.75, 15.75]
    expected = normals_from_depth(sample["depth"][0].numpy(), sample["camera"].numpy())
    np.testing.assert_allclose(sample["normals"].numpy().transpose(1, 2, 0), expected, atol=1e-6)
    # The tree's depth is a wall that faces the camera.
    assert sample["normals"][:, 20, 20].tolist() == [0, 0, -1]


def test_training_views_differ_and_are_repeated(tree: Path) -> None:
    data = cityscapes(tree)
    data.setup("fit")
    samples = data.samples["train"]
    again, other = (samples[Draw(epoch, 0)]["image"] for epoch in (0, 1))
    assert torch.equal(samples[0]["image"], again)
    assert not torch.equal(again, other)


def test_only_the_files_of_the_tasks_are_needed(own: Path) -> None:
    for kind in ("disparity", "camera", "gtFine"):
        shutil.rmtree(own / kind)
    data = cityscapes(own, tasks=["edges"])
    assert first(data).keys() == {"image", "name"}
    with pytest.raises(DatasetNotFoundError, match="the folders `disparity`, `camera`"):
        cityscapes(own, tasks=["normals"]).source("val")


def test_test_images_are_those_of_val_unless_asked(tree: Path) -> None:
    data = cityscapes(tree)
    assert data.records("test") == data.records("val")
    assert data.official("test") == 500
    real = cityscapes(tree, test_split="test")
    assert [record.name for record in real.records("test")] == [
        "berlin_000000_000019",
        "berlin_000001_000019",
    ]
    assert [real.official(split) for split in ("train", "val", "test")] == [2975, 500, 1525]


def test_cities_of_more_than_one_word_and_strange_files(own: Path) -> None:
    fakes.write_snapshot(own, "val", "bad-honnef_000000_000019")
    (own / "leftImg8bit/val/frankfurt/.frankfurt_000009_000019_leftImg8bit.png").touch()
    (own / "leftImg8bit/val/index.html").touch()
    assert [record.name for record in cityscapes(own).records("val")] == [
        "bad-honnef_000000_000019",
        "frankfurt_000000_000019",
        "frankfurt_000001_000019",
    ]


def test_missing_dataset_says_what_to_do(tmp_path: Path) -> None:
    said = r"`leftImg8bit/train`.*https://www\.cityscapes-dataset\.com.*--as cityscapes --out"
    with pytest.raises(DatasetNotFoundError, match=said):
        cityscapes(tmp_path).setup("fit")


def test_empty_split_is_an_error(own: Path) -> None:
    for file in (own / "leftImg8bit" / "val" / "frankfurt").iterdir():
        file.unlink()
    with pytest.raises(DatasetNotFoundError, match="at least one sample of the split `val`"):
        cityscapes(own).setup("validate")


@pytest.mark.parametrize(
    ("ending", "content", "problem"),
    [
        ("leftImg8bit.png", b"", "8-bit RGB, found 0 bytes"),
        ("gtFine_labelIds.png", np.zeros(fakes.SIZE, np.uint16), "8-bit grey.*16-bit grey"),
        ("gtFine_labelIds.png", np.full(fakes.SIZE, 34, np.uint8), "label ids 0 to 33, found 34"),
        ("disparity.png", np.ones(fakes.SIZE, np.uint8), "16-bit grey.*8-bit grey"),
        ("camera.json", b"{", "JSON with fx, fy, u0, v0 and baseline, found JSONDecodeError"),
        ("camera.json", b"\xff{", "JSON.*UnicodeDecodeError"),
        ("camera.json", b"[]", "JSON.*TypeError"),
        ("camera.json", b'{"intrinsic": {}, "extrinsic": {}}', "KeyError: 'u0'"),
    ],
)
def test_damaged_file_is_named(own: Path, ending: str, content, problem: str) -> None:
    file = fakes.path(own, "val", FIRST, ending)
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        cv2.imwrite(str(file), content)
    with pytest.raises(UnreadableFileError, match=f"{file.name}` should.*{problem}") as error:
        first(cityscapes(own))
    assert f"`{file}`" in str(error.value)


@pytest.mark.parametrize("value", [0, -1, None, "1", float("nan"), True])
def test_camera_needs_positive_numbers(own: Path, value) -> None:
    broken = fakes.CAMERA | {"extrinsic": {"baseline": value}}
    fakes.path(own, "val", FIRST, "camera.json").write_text(json.dumps(broken))
    with pytest.raises(UnreadableFileError, match="positive numbers, found"):
        first(cityscapes(own))


@pytest.mark.parametrize("ending", ["gtFine_labelIds.png", "disparity.png", "camera.json"])
def test_missing_partner_is_named(own: Path, ending: str) -> None:
    fakes.path(own, "val", FIRST, ending).unlink()
    with pytest.raises(FileNotFoundError, match=f"{FIRST}_{ending}` does not exist.*skip list"):
        first(cityscapes(own))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"label_space": "cityscapes"}, "`label_space` should be one of.*'cityscapes'"),
        (
            {"test_split": "train"},
            "`test_split` should be one of .*'test'.*'train'",
        ),
        ({"depth_range": (80.0, 0.0)}, "`depth_range` should be two rising"),
    ],
)
def test_wrong_settings_are_named(tree: Path, settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cityscapes(tree, **settings)


def test_an_empty_folder_of_an_archive_does_not_win(own: Path) -> None:
    for kind in ("leftImg8bit", "gtFine", "disparity", "camera"):
        (own / f"{kind}_trainvaltest" / kind).mkdir(parents=True)
    assert first(cityscapes(own))["name"] == FIRST


def test_a_camera_of_another_size_is_refused(own: Path) -> None:
    # Twice the middle of 128 x 64, as if the images alone had been halved.
    other = fakes.CAMERA | {"intrinsic": {"fx": 4000, "fy": 4000, "u0": 128, "v0": 64}}
    fakes.path(own, "val", FIRST, "camera.json").write_text(json.dumps(other))
    with pytest.raises(ValueError, match=f"{FIRST}_camera.json.*{FIRST}_left.*Scale the camera"):
        first(cityscapes(own, tasks=["depth"]))
    assert first(cityscapes(own, tasks=["segmentation"]))["name"] == FIRST
