import json
from collections.abc import Callable, Iterator
from math import tan
from pathlib import Path

import numpy as np
import pytest

from datamodules.edges import sobel_edges
from datamodules.rendering import ROOM_CLASSES, Frame
from datamodules.taskonomy.layout import Taskonomy
from datamodules.writing import Place, Plan

# Numbers of coco_selected_classes.txt: 1 background, 2 bottle, 5 potted plant, 9 tv, 14
# refrigerator, 17 vase.
IDS = {
    "floor": 1,
    "ceiling": 1,
    "wall": 1,
    "panel": 9,
    "box": 14,
    "sphere": 17,
    "cylinder": 2,
    "cone": 5,
}
ENDINGS = {
    "rgb": "rgb.png",
    "depth_zbuffer": "depth_zbuffer.png",
    "depth_euclidean": "depth_euclidean.png",
    "normal": "normal.png",
    "segment_semantic": "segmentsemantic.png",
    "edge_texture": "edge_texture.png",
    "point_info": "fixatedpose.json",
}
# The first of the tiny split in alphabetical order; wiconisco of val is not read by default.
VIEWS = [
    ("allensville", "point_0_view_0"),
    ("allensville", "point_0_view_1"),
    ("collierville", "point_0_view_0"),
    ("ihlen", "point_0_view_0"),
]

Read = Callable[[Path], np.ndarray]
Scenes = Callable[[Plan], Iterator[tuple[Place, Frame]]]


@pytest.fixture(scope="module")
def plan(written: Callable[..., Plan]) -> Plan:
    return written("taskonomy", None, (64, 64))


def file_of(plan: Plan, place: Place, domain: str) -> Path:
    building, view = place.name.split("/")
    return plan.out / domain / "taskonomy" / building / f"{view}_domain_{ENDINGS[domain]}"


@pytest.mark.parametrize(
    ("form", "pattern"),
    [
        ("omnitools", "{domain}/taskonomy/{building}"),
        ("flat", "{domain}/{building}"),
        ("archives", "{building}_{domain}/{domain}"),
        ("buildings", "{building}/{domain}"),
    ],
)
def test_tree(
    written: Callable[..., Plan], tree: Callable[[Plan], set[str]], form: str, pattern: str
) -> None:
    assert tree(written("taskonomy", form, (16, 16))) == {
        f"{pattern.format(domain=domain, building=building)}/{view}_domain_{ending}"
        for building, view in VIEWS
        for domain, ending in ENDINGS.items()
    }


def test_points_are_seen_three_times() -> None:
    names = Taskonomy().names("test", 5)
    assert list(names[2:]) == [
        "ihlen/point_0_view_2",
        "ihlen/point_1_view_0",
        "ihlen/point_1_view_1",
    ]


def test_image(plan: Plan, scenes: Scenes, raw: Read) -> None:
    for place, frame in scenes(plan):
        np.testing.assert_array_equal(raw(file_of(plan, place, "rgb")), frame.image)


def test_classes(plan: Plan, scenes: Scenes, raw: Read) -> None:
    names = [name for name, _ in ROOM_CLASSES]
    for place, frame in scenes(plan):
        codes = raw(file_of(plan, place, "segment_semantic"))
        assert (codes.dtype, codes.shape) == (np.uint8, (64, 64))
        expected = np.vectorize(lambda number: IDS[names[number]])(frame.segmentation)
        np.testing.assert_array_equal(codes, expected)


def test_depth_is_in_512ths_of_a_metre(plan: Plan, scenes: Scenes, raw: Read) -> None:
    for place, frame in scenes(plan):
        codes = raw(file_of(plan, place, "depth_zbuffer"))
        assert (codes.dtype, codes.shape) == (np.uint16, (64, 64))
        np.testing.assert_allclose(codes / 512, frame.depth, rtol=0, atol=0.5 / 512 + 1e-6)


def test_euclidean_depth_is_along_the_ray(plan: Plan, scenes: Scenes, raw: Read) -> None:
    for place, frame in scenes(plan):
        codes = raw(file_of(plan, place, "depth_euclidean"))
        assert codes.dtype == np.uint16
        focal = frame.camera[0]
        # The centre of pixel (row 10, column 50) is 18.5 pixels right of and 21.5 above the middle.
        ray = np.sqrt(1 + (18.5 / focal) ** 2 + (21.5 / focal) ** 2)
        assert codes[10, 50] / 512 == pytest.approx(frame.depth[10, 50] * ray, abs=0.5 / 512 + 1e-5)


def test_normals_are_centred_on_half_way(plan: Plan, scenes: Scenes, raw: Read) -> None:
    for place, frame in scenes(plan):
        codes = raw(file_of(plan, place, "normal"))
        assert (codes.dtype, codes.shape) == (np.uint8, (64, 64, 3))
        np.testing.assert_allclose(
            codes * 2.0 / 255 - 1, frame.normals, rtol=0, atol=1 / 255 + 1e-6
        )


def test_edges_are_taskonomy_s(plan: Plan, scenes: Scenes, raw: Read) -> None:
    for place, frame in scenes(plan):
        codes = raw(file_of(plan, place, "edge_texture"))
        assert codes.dtype == np.uint16
        # At 512 pixels Taskonomy's own filter answers 1 / 5.465 of ours to a step.
        expected = sobel_edges(frame.image) * 65535 / 5.464872787
        np.testing.assert_allclose(codes, expected, rtol=0, atol=0.6)
        assert codes.max() > 1000


def test_camera(plan: Plan, scenes: Scenes) -> None:
    for place, frame in scenes(plan):
        info = json.loads(file_of(plan, place, "point_info").read_text())
        assert info["resolution"] == 64
        assert 32 / tan(info["field_of_view_rads"] / 2) == pytest.approx(frame.camera[0])
        assert f"point_{info['point_uuid']}_view_{info['view_id']}" == place.name.split("/")[1]


def test_every_scene_class_has_an_id() -> None:
    assert dict(Taskonomy.ids) == IDS
    assert set(IDS) == {name for name, _ in ROOM_CLASSES}
