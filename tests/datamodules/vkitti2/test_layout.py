from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from datamodules.rendering import STREET_CLASSES, Frame
from datamodules.vkitti2.layout import VKITTI2
from datamodules.writing import Place, Plan

COLOURS = {
    "road": (100, 60, 100),
    "sidewalk": (210, 0, 200),  # Terrain
    "building": (140, 140, 140),
    "pole": (255, 130, 0),
    "sign": (255, 255, 0),
    "tree": (0, 199, 0),
    "person": (80, 80, 80),  # Misc
    "car": (255, 127, 80),
    "sky": (90, 200, 255),
}
# At least one frame for each scene of the split.
FRAMES = ["Scene01/00000", "Scene06/00000", "Scene20/00000", "Scene02/00000", "Scene18/00000"]

Read = Callable[[Path], np.ndarray]
Scenes = Callable[[Plan], Iterator[tuple[Place, Frame]]]


@pytest.fixture(scope="module")
def plan(written: Callable[..., Plan]) -> Plan:
    return written("vkitti2")


def file_of(plan: Plan, place: Place, kind: str, name: str) -> Path:
    scene, number = place.name.split("/")
    folder = plan.out / scene / "15-deg-left/frames" / kind / "Camera_0"
    return folder / name.format(number)


def test_tree(plan: Plan, tree: Callable[[Plan], set[str]]) -> None:
    assert [place.name for place in plan.places] == FRAMES
    scenes = [name.split("/")[0] for name in FRAMES]
    assert tree(plan) == {
        f"{scene}/15-deg-left/{file}"
        for scene in scenes
        for file in (
            "intrinsic.txt",
            "frames/rgb/Camera_0/rgb_00000.jpg",
            "frames/depth/Camera_0/depth_00000.png",
            "frames/classSegmentation/Camera_0/classgt_00000.png",
        )
    }


def test_tree_by_archive(written: Callable[..., Plan], tree: Callable[[Plan], set[str]]) -> None:
    paths = tree(written("vkitti2", "archives"))
    assert len(paths) == 20
    for path in (
        "vkitti_2.0.3_rgb/Scene02/15-deg-left/frames/rgb/Camera_0/rgb_00000.jpg",
        "vkitti_2.0.3_depth/Scene02/15-deg-left/frames/depth/Camera_0/depth_00000.png",
        "vkitti_2.0.3_classSegmentation/Scene02/15-deg-left/frames/classSegmentation/Camera_0/"
        "classgt_00000.png",
        "vkitti_2.0.3_textgt/Scene02/15-deg-left/intrinsic.txt",
    ):
        assert path in paths


def test_image_is_a_jpeg_of_high_quality(plan: Plan, scenes: Scenes, raw: Read) -> None:
    for place, frame in scenes(plan):
        file = file_of(plan, place, "rgb", "rgb_{}.jpg")
        assert file.read_bytes()[:2] == b"\xff\xd8"
        error = np.abs(raw(file).astype(int) - frame.image)
        assert 0 < error.mean() < 12  # colour is stored at half the resolution


def test_depth_is_in_centimetres(plan: Plan, scenes: Scenes, raw: Read) -> None:
    for place, frame in scenes(plan):
        codes = raw(file_of(plan, place, "depth", "depth_{}.png"))
        assert (codes.dtype, codes.shape) == (np.uint16, (48, 64))
        sky = np.isnan(frame.depth)
        np.testing.assert_array_equal(codes == 65535, sky)
        assert np.abs((codes / 100.0 - frame.depth)[~sky]).max() < 0.005 + 1e-5
    assert sky.any()


def test_classes_are_colours(plan: Plan, scenes: Scenes, raw: Read) -> None:
    table = np.array([COLOURS[name] for name, _ in STREET_CLASSES], np.uint8)
    for place, frame in scenes(plan):
        colours = raw(file_of(plan, place, "classSegmentation", "classgt_{}.png"))
        assert colours.dtype == np.uint8
        np.testing.assert_array_equal(colours, table[frame.segmentation])


def test_intrinsics(plan: Plan) -> None:
    lines = (plan.out / "Scene01/15-deg-left/intrinsic.txt").read_text().splitlines()
    assert lines[0] == "frame cameraID K[0,0] K[1,1] K[0,2] K[1,2]"
    assert [line.split()[:2] for line in lines[1:]] == [["0", "0"], ["0", "1"]]
    values = [float(value) for value in lines[1].split()[2:]]
    # 725.0087 at 1242 x 375, here 64 x 48; the middle of the image, of pixel centres from 0 on.
    expected = [725.0087 * 64 / 1242, 725.0087 * 48 / 375, 31.5, 23.5]
    assert values == pytest.approx(expected, abs=1e-6)


def test_intrinsics_at_the_dataset_s_size_are_the_dataset_s() -> None:
    layout = VKITTI2()
    texts = layout.shared([Place("train", 0, "Scene01/00000")], (375, 1242))
    row = texts["Scene01/15-deg-left/intrinsic.txt"].splitlines()[1]
    assert row == "0 0 725.0087 725.0087 620.5 187"


def test_frames_go_in_turn_to_the_scenes_of_a_split() -> None:
    names = VKITTI2().names("train", 1554)
    assert list(names[:4]) == ["Scene01/00000", "Scene06/00000", "Scene20/00000", "Scene01/00001"]
    # 447 + 270 + 837 frames are all there are.
    assert len(set(names)) == 1554
    assert names[-1] == "Scene20/00836"
    with pytest.raises(ValueError, match="`count` asks for 1555 frames for train"):
        VKITTI2().names("train", 1555)


def test_short_scenes_do_not_bound_training() -> None:
    # A quarter of 1500 is 375; Scene02 has 233 frames, Scene18 339.
    assert VKITTI2().counts(1500) == {"train": 1500, "val": 233, "test": 339}


def test_every_scene_class_has_a_category() -> None:
    assert set(VKITTI2.categories) == {name for name, _ in STREET_CLASSES}
