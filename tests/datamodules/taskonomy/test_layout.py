import json
from collections.abc import Callable, Iterator
from math import tan

import pytest

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

Scenes = Callable[[Plan], Iterator[tuple[Place, Frame]]]


@pytest.fixture(scope="module")
def plan(written: Callable[..., Plan]) -> Plan:
    return written("taskonomy", None, (64, 64))


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


def test_camera(plan: Plan, scenes: Scenes) -> None:
    for place, frame in scenes(plan):
        building, view = place.name.split("/")
        file = plan.out / "point_info/taskonomy" / building / f"{view}_domain_fixatedpose.json"
        info = json.loads(file.read_text())
        assert info["resolution"] == 64
        assert 32 / tan(info["field_of_view_rads"] / 2) == pytest.approx(frame.camera[0])
        assert f"point_{info['point_uuid']}_view_{info['view_id']}" == view


def test_every_scene_class_has_an_id() -> None:
    assert dict(Taskonomy.ids) == IDS
    assert set(IDS) == {name for name, _ in ROOM_CLASSES}
