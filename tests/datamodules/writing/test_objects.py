"""Views of things in the layouts of classified images come back through their own DataModules."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from datamodules import CUB, Aircraft, Flowers, StanfordCars, VTAB1k
from datamodules.check import check
from datamodules.classified import ClassifiedImages
from datamodules.rendering import COLOURS, MATERIALS, SHAPES, ObjectKind
from datamodules.vtab1k.layout import KINDS
from datamodules.writing import Plan, find_layout, stand_ins
from datamodules.writing.objects import ObjectLayout, kinds

COUNT = 5
TO_TEST = {"train": "train", "val": "test", "test": "test"}
OWN = {split: split for split in TO_TEST}
VTAB = {"train": "train800", "val": "val200", "test": "test"}

COUNTS = {
    **{"cub": 200, "stanford_cars": 196, "aircraft": 100, "flowers": 102},
    **{"patch_camelyon": 2, "eurosat": 10, "resisc45": 45, "diabetic_retinopathy": 5},
}

# Word, form, reader, which split each split was written as, what of a name is the reader's.
CASES: dict[str, tuple[str, str, Callable[..., ClassifiedImages], dict[str, str], str]] = {
    "cub": ("cub", "archive", CUB, TO_TEST, ""),
    "cars in a devkit": ("stanford_cars", "devkit", StanfordCars, TO_TEST, ""),
    "cars as a whole": ("stanford_cars", "whole", StanfordCars, TO_TEST, ""),
    "aircraft": ("aircraft", "archive", partial(Aircraft, taught="train"), OWN, ""),
    "flowers": ("flowers", "torchvision", Flowers, OWN, ""),
    **{
        name: ("vtab1k", "specialised", partial(VTAB1k, set=name, taught="train800"), VTAB, name)
        for name in KINDS
    },
}


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest, written: Callable[..., Plan]):
    word, form, reader, splits, below = CASES[request.param]
    plan = written(word, form, (32, 40), COUNT)
    return plan, reader(plan.out, (32, 32)), splits, below


def test_every_image_comes_back_with_its_class(case) -> None:
    plan, data, splits, below = case
    (task,) = data.tasks
    drawn = 0
    for split, as_written in splits.items():
        source = data.source(split)
        wanted = f"{below}/{as_written}" if below else as_written
        folder = f"{below}/images/{as_written}/" if below else ""
        places = [
            place
            for place in plan.places
            if place.split == wanted and place.name.startswith(folder)
        ]
        found = [f"{below}/{record.name}".strip("/") for record in source.records]
        assert found == [place.name for place in places]
        for place, record in zip(places, source.records, strict=True):
            sample = source.read(record, [task])
            view = plan.layout.view(plan.views, place)
            error = np.abs(sample["image"].astype(int) - view.image)  # a JPEG's
            assert error.mean() < 12
            kind = plan.layout.kinds_at(place)[int(sample[task])]
            seen = (SHAPES[view.shape], MATERIALS[view.material], COLOURS[view.colour])
            assert all(word in (None, shown) for word, shown in zip(kind, seen, strict=True))
            drawn += 1
    assert drawn >= COUNT + 2


def test_a_view_is_drawn_again_as_it_was(written: Callable[..., Plan]) -> None:
    plan = written("cub", "archive", (32, 40), COUNT)
    draw, place = ObjectLayout.view.__wrapped__, plan.places[0]  # past the tests' cache
    first, second = (draw(plan.layout, plan.views, place).image for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_classes_are_as_many_as_the_set_has(case) -> None:
    plan, data, _, below = case
    names = data.labels[data.tasks[0]].names
    known = KINDS[below] if below else plan.layout.kinds
    assert len(names) == len(set(names)) == len(set(known)) == COUNTS[below or plan.layout.word]


def test_nothing_is_wrong_with_it(case) -> None:
    _, data, _, _ = case
    assert check(data, processes=0).problems == []


def test_the_thousand_images_are_the_others_again(written: Callable[..., Plan]) -> None:
    plan = written("vtab1k", "specialised", (32, 40), COUNT)
    images = {}
    for taught in ("train800", "train800val200"):
        source = VTAB1k(plan.out, (32, 32), set="eurosat", taught=taught).source("train")
        images[taught] = [source.read(record, [])["image"].tobytes() for record in source.records]
    val = VTAB1k(plan.out, (32, 32), set="eurosat").source("val")
    images["val200"] = [val.read(record, [])["image"].tobytes() for record in val.records]
    assert images["train800val200"] == images["train800"] + images["val200"]


def test_classes_come_in_turn() -> None:
    layout = find_layout("flowers")
    assert isinstance(layout, ObjectLayout)
    places = layout.places(110)
    assert [layout.label(place) for place in places[:104]] == [*range(102), 0, 1]


def test_kinds_differ_in_what_is_not_left_open() -> None:
    assert kinds(3, shapes=("box",), materials=(None,)) == tuple(
        ObjectKind("box", None, colour) for colour in COLOURS[:3]
    )


def test_sets_that_are_read_with_others_are_those_of_objects() -> None:
    layouts = [layout for forms in stand_ins().values() for layout in forms]
    assert {layout.word for layout in layouts if not layout.alone} == {
        case[0] for case in CASES.values()
    }
