"""What is written in a layout comes back through that dataset's own DataModule."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pytest

from datamodules.check import check
from datamodules.cityscapes.datamodule import Cityscapes
from datamodules.edges import sobel_edges
from datamodules.files import FileDataModule
from datamodules.folders.datamodule import Folders
from datamodules.nyudv2 import NYUDv2
from datamodules.rendering import ROOM_CLASSES, STREET_CLASSES, Frame
from datamodules.synthia.datamodule import Synthia
from datamodules.taskonomy.datamodule import Taskonomy
from datamodules.transforms import Sample
from datamodules.vkitti2.datamodule import VKITTI2
from datamodules.writing import Place, Plan

STREET = {
    "road": "road",
    "sidewalk": "sidewalk",
    "building": "building",
    "pole": "pole",
    "sign": "traffic sign",
    "tree": "vegetation",
    "person": "person",
    "car": "car",
    "sky": "sky",
}
# Neither pavements nor people are among the eight.
EIGHT = {name: there for name, there in STREET.items() if name not in ("sidewalk", "person")}
EIGHT |= {"car": "vehicle"}
ROOM_TASKONOMY = {
    **dict.fromkeys(("floor", "ceiling", "wall"), "background"),
    "panel": "tv",
    "box": "refrigerator",
    "sphere": "vase",
    "cylinder": "bottle",
    "cone": "potted plant",
}
ROOM_NYU = {
    "floor": "floor",
    "ceiling": "ceiling",
    "wall": "wall",
    "panel": "picture",
    "box": "cabinet",
    "sphere": "chair",
    "cylinder": "table",
    "cone": "lamp",
}
ROOM_THIRTEEN = {
    "floor": "floor",
    "ceiling": "ceiling",
    "wall": "wall",
    "panel": "picture",
    "box": "furniture",
    "sphere": "chair",
    "cylinder": "table",
    "cone": "objects",
}
ROOM = [name for name, _ in ROOM_CLASSES]
LENS = 0.209313


def disparity_step(frame: Frame) -> np.ndarray:
    """Half a code of disparity, 1/512 pixel, in metres at each depth."""
    pixels = LENS * frame.camera[0] / frame.depth.astype(np.float64)
    return LENS * frame.camera[0] / (pixels - 1 / 512) - frame.depth


@dataclass(frozen=True)
class Case:
    """One layout with its reader.

    Attributes:
        classes: The reader's name for each class of the scenes; 255 for those that are missing.
        name: The reader's name for a place.
        step: Largest error of depth in metres.
        farthest: Metres from which on depth is unknown.
        splits: The split that the reader's splits were written as.
        form: Of what is written.
    """

    word: str
    reader: Callable[..., FileDataModule]
    classes: Mapping[str, str]
    name: Callable[[Place], str]
    step: Callable[[Frame], Any]
    farthest: float
    splits: Mapping[str, str] = field(
        default_factory=lambda: {"train": "train", "val": "val", "test": "test"}
    )
    form: str | None = None


def own_name(place: Place) -> str:
    return place.name


def taskonomy_name(place: Place) -> str:
    return place.name.replace("/", "_")


def vkitti_name(place: Place) -> str:
    scene, number = place.name.split("/")
    return f"{scene}_15-deg-left_Camera_0_{number}"


def steps_of(metres: float) -> Callable[[Frame], float]:
    return lambda frame: metres + 1e-5


TO_VAL = {"train": "train", "val": "val", "test": "val"}

CASES = {
    "cityscapes": Case(
        "cityscapes", Cityscapes, STREET, own_name, disparity_step, 80, splits=TO_VAL
    ),
    "cityscapes by archive": Case(
        "cityscapes",
        Cityscapes,
        STREET,
        own_name,
        disparity_step,
        80,
        splits=TO_VAL,
        form="archives",
    ),
    "synthia": Case("synthia", Synthia, STREET, own_name, steps_of(0.005), 80),
    "vkitti2": Case("vkitti2", VKITTI2, EIGHT, vkitti_name, steps_of(0.005), 80),
    "vkitti2 by archive": Case(
        "vkitti2", VKITTI2, EIGHT, vkitti_name, steps_of(0.005), 80, form="archives"
    ),
    **{
        f"taskonomy {form}": Case(
            "taskonomy",
            Taskonomy,
            ROOM_TASKONOMY,
            taskonomy_name,
            steps_of(0.5 / 512),
            128,
            form=form,
        )
        for form in ("omnitools", "flat", "archives", "buildings")
    },
    "taskonomy by distance": Case(
        "taskonomy",
        partial(Taskonomy, depth="euclidean"),
        ROOM_TASKONOMY,
        taskonomy_name,
        steps_of(0.5 / 512),
        128,
        form="omnitools",
    ),
    **{
        f"nyudv2 {form}": Case(
            "nyudv2", NYUDv2, ROOM_NYU, own_name, steps_of(0), 10, splits=TO_VAL, form=form
        )
        for form in ("npy", "png")
    },
    "folders": Case(
        "folders",
        partial(Folders, classes=ROOM),
        dict(zip(ROOM, ROOM, strict=True)),
        lambda place: f"{place.split}/{place.name}",
        steps_of(0.0005),
        65,
        form="png",
    ),
    "nyudv2 in 13 classes": Case(
        "nyudv2",
        partial(NYUDv2, label_space="nyu_13"),
        ROOM_THIRTEEN,
        own_name,
        steps_of(0),
        10,
        splits=TO_VAL,
        form="npy",
    ),
}


@dataclass(frozen=True)
class Trip:
    """Samples of every split beside the frames that they were written from."""

    case: Case
    module: FileDataModule
    pairs: list[tuple[Sample, Frame]]


@pytest.fixture(scope="module", params=CASES)
def trip(
    request: pytest.FixtureRequest,
    written: Callable[..., Plan],
    scenes: Callable[[Plan], Iterator[tuple[Place, Frame]]],
) -> Trip:
    case = CASES[request.param]
    plan = written(case.word, case.form)
    frames = {(place.split, case.name(place)): frame for place, frame in scenes(plan)}
    module = case.reader(plan.out, (48, 64))
    pairs = []
    for split, written_as in case.splits.items():
        source = module.source(split)
        expected = sorted(name for where, name in frames if where == written_as)
        # Every scene of the split is found, and nothing else.
        assert sorted(record.name for record in source.records) == expected
        for record in source.records:
            sample = source.read(record, module.reads)
            assert sample["name"] == record.name
            pairs.append((sample, frames[written_as, record.name]))
    return Trip(case, module, pairs)


def test_images(trip: Trip) -> None:
    lossy = trip.case.word == "vkitti2" or trip.case.form == "npy"
    for sample, frame in trip.pairs:
        error = np.abs(sample["image"].astype(int) - frame.image)
        assert error.mean() < 12 if lossy else error.max() == 0


def test_segmentation(trip: Trip) -> None:
    names = trip.module.labels["segmentation"].names
    scenery = STREET_CLASSES if trip.case.classes in (STREET, EIGHT) else ROOM_CLASSES
    table = np.array(
        [
            names.index(trip.case.classes[name]) if name in trip.case.classes else 255
            for name, _ in scenery
        ]
    )
    for sample, frame in trip.pairs:
        np.testing.assert_array_equal(sample["segmentation"], table[frame.segmentation])


def test_depth(trip: Trip) -> None:
    for sample, frame in trip.pairs:
        depth, true = sample["depth"], frame.depth
        step = np.broadcast_to(trip.case.step(frame), frame.depth.shape)
        assert not np.isnan(depth[true + step < trip.case.farthest]).any()
        assert np.isnan(depth[~(true - step < trip.case.farthest)]).all()
        known = ~np.isnan(depth)
        assert known.mean() > 0.5
        assert (np.abs(depth - true)[known] <= step[known]).all()


def test_camera(trip: Trip) -> None:
    for sample, frame in trip.pairs:
        if trip.case.form in ("npy", "png"):  # known for the dataset's own size only
            assert "camera" not in sample
        else:
            np.testing.assert_allclose(sample["camera"], frame.camera, rtol=1e-5)


def test_normals_where_they_are_shipped(trip: Trip) -> None:
    if "normals" in trip.module.derives:
        assert "normals" not in trip.pairs[0][0]
        return
    for sample, frame in trip.pairs:
        # Three codes of 2 / 255, each wrong by half a code at most: √3 / 255.
        limit = 1e-6 if trip.case.form == "npy" else 3**0.5 / 255 + 1e-4
        error = np.linalg.norm(sample["normals"] - frame.normals, axis=-1)
        assert error.max() < limit


def test_edges_where_they_are_shipped(trip: Trip) -> None:
    if "edges" in trip.module.derives:
        assert "edges" not in trip.pairs[0][0]
        return
    for sample, frame in trip.pairs:
        # One code is 5.46 / 65535 on our scale.
        expected = sobel_edges(frame.image)
        np.testing.assert_allclose(sample["edges"], expected, atol=0.6 * 5.465 / 65535)


def test_train_extra_comes_back_with_its_coarse_labels(
    written: Callable[..., Plan], scenes: Callable[[Plan], Iterator[tuple[Place, Frame]]]
) -> None:
    plan = written("cityscapes", "extra")
    data = Cityscapes(plan.out, (48, 64), train_split="both", tasks=["segmentation", "depth"])
    frames = {place.name: (place.split, frame) for place, frame in scenes(plan)}
    source = data.source("train")
    assert [record.folder for record in source.records] == ["train"] * 2 + ["train_extra"] * 2
    names = data.labels["segmentation"].names
    table = np.array([names.index(STREET[name]) for name, _ in STREET_CLASSES])
    for record in source.records:
        sample = source.read(record, data.reads)
        split, frame = frames[record.name]
        assert split == record.folder
        np.testing.assert_array_equal(sample["image"], frame.image)
        known = ~np.isnan(sample["depth"])
        error = np.abs(sample["depth"] - frame.depth)[known]
        assert (error <= disparity_step(frame)[known] + 1e-5).all()
        fine, labelled = table[frame.segmentation], sample["segmentation"] != 255
        np.testing.assert_array_equal(sample["segmentation"][labelled], fine[labelled])
        assert labelled.all() == (split == "train")
    assert check(data, processes=0).problems == []


@pytest.mark.parametrize(
    ("word", "reader", "limit"),
    # Disparities of so small an image are coarse: a code of them is 0.4 m at 60 m.
    [("cityscapes", Cityscapes, 8.0), ("synthia", Synthia, 2.0), ("vkitti2", VKITTI2, 2.0)],
)
def test_normals_derived_from_what_was_written_are_those_of_the_scene(
    written: Callable[..., Plan],
    scenes: Callable[[Plan], Iterator[tuple[Place, Frame]]],
    word: str,
    reader: type[FileDataModule],
    limit: float,
) -> None:
    plan = written(word, None, (64, 96), 1)
    module = reader(plan.out, (64, 96), tasks=["normals"], batch_size=1, workers=0)
    module.setup("validate")
    (batch,) = module.val_dataloader()
    frame = next(frame for place, frame in scenes(plan) if place.split == "val")
    derived = batch["normals"][0].permute(1, 2, 0).numpy()
    cosine = (derived * frame.normals).sum(axis=-1)
    known = ~np.isnan(cosine)
    assert known.mean() > 0.3
    angles = np.degrees(np.arccos(np.clip(cosine[known], -1, 1)))
    assert np.median(angles) < limit
