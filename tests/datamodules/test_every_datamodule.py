"""One suite for all datasets: what a batch holds, and that it is the same everywhere."""

import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch

from datamodules import (
    CUB,
    VKITTI2,
    Aircraft,
    Cityscapes,
    DenseDataModule,
    Flowers,
    Folders,
    NYUDv2,
    PASCALContext,
    Planted,
    RandomFlip,
    Resize,
    SceneObjects,
    Scenes,
    StanfordCars,
    Synthia,
    Taskonomy,
    VTAB1k,
)
from datamodules.files import DatasetNotFoundError, FileDataModule
from datamodules.rendering import ROOM_CLASSES
from datamodules.samples import Draw
from datamodules.writing import Plan, write_scenes
from vtagml.commands.command import Command

SPLITS = ("train", "val", "test")
COUNTS = {"train": 4, "val": 2, "test": 2}
SIZE = (32, 48)


def scenes(layout: str, look: str) -> Callable[..., DenseDataModule]:
    def make(cache: Path | None, **settings) -> Scenes:
        return Scenes(layout, look, image_size=SIZE, **COUNTS, cache=cache, **settings)

    return make


def objects(cache: Path | None, **settings) -> SceneObjects:
    return SceneObjects(image_size=SIZE, **COUNTS, cache=cache, **settings)


def planted(cache: Path | None, **settings) -> Planted:
    return Planted(SIZE, **COUNTS, cache=cache, **settings)


FILES: dict[str, Callable[..., FileDataModule]] = {
    "taskonomy": Taskonomy,
    "nyudv2": NYUDv2,
    "cityscapes": Cityscapes,
    "synthia": Synthia,
    "vkitti2": VKITTI2,
    "pascal_context": PASCALContext,
    "cub": CUB,
    "stanford_cars": StanfordCars,
    "aircraft": Aircraft,
    "flowers": Flowers,
    "vtab1k": partial(VTAB1k, set="eurosat"),
    "folders": partial(Folders, classes=[name for name, _ in ROOM_CLASSES]),
}


def files(word: str, form: str | None = None) -> Callable[..., DenseDataModule]:
    """Reads drawn scenes; without augmentation there is no random geometry, either."""

    def make(folder: Path, **settings) -> FileDataModule:
        if not (folder / "scenes.json").exists():
            write_scenes(word, folder, count=4, form=form, size=(48, 64), processes=0)
        if "augment" in settings:
            settings["geometry"] = [Resize(SIZE)]
        return FILES[word](folder, SIZE, **settings)

    return make


# A new dataset gets one line here.
DATASETS: dict[str, Callable[..., DenseDataModule]] = {
    "room-day": scenes("room", "day"),
    "street-dusk": scenes("street", "dusk"),
    "objects": objects,
    "planted": planted,
    "taskonomy": files("taskonomy"),
    "nyudv2": files("nyudv2", form="npy"),  # the official form's frames are large
    "cityscapes": files("cityscapes"),
    "synthia": files("synthia"),
    "vkitti2": files("vkitti2"),
    "pascal_context": files("pascal_context"),
    "folders": files("folders"),
    "cub": files("cub"),  # the other sets of classified images differ in their lists alone
}
# The field tests NYUDv2 on its 654 test images and picks checkpoints by them, too; it has no other
# split, nor has PASCAL-Context. The test labels of Cityscapes are withheld, so by default `val`
# stands in for them.
TESTED_ON_VAL = {"nyudv2", "cityscapes", "pascal_context", "cub"}

ROUNDING = 1e-6

CLASSES = {"segmentation", "human_parts", "shape", "material", "colour", "birds"}
CHANNELS = {"depth": 1, "normals": 3, "edges": 1, "saliency": 1} | dict.fromkeys(Planted.offers, 1)


@pytest.fixture(scope="module", params=DATASETS)
def dataset(request, tmp_path_factory) -> Callable[..., DenseDataModule]:
    """Makes the dataset with other settings; all of them share one folder."""
    folder = tmp_path_factory.mktemp(request.param)

    def make(**settings) -> DenseDataModule:
        data = DATASETS[request.param](folder, **{"batch_size": 2, "workers": 0} | settings)
        data.prepare_data()
        data.setup()
        return data

    return make


def samples(data: DenseDataModule, split: str) -> list[dict]:
    return [data.samples[split][index] for index in range(len(data.samples[split]))]


def names(data: DenseDataModule, split: str) -> list[str]:
    return [sample["name"] for sample in samples(data, split)]


def images(data: DenseDataModule, split: str) -> set[bytes]:
    source = data.samples[split].source
    return {source.read(record, [])["image"].tobytes() for record in source.records}


def assert_same(first: dict, second: dict) -> None:
    assert first.keys() == second.keys()
    for key, value in first.items():
        if isinstance(value, torch.Tensor):
            assert_near(value, second[key])
        else:
            assert value == second[key]


def assert_near(first: torch.Tensor, second: torch.Tensor) -> None:
    # What filters compute is rounded by where in memory an array lies.
    near = ROUNDING if first.is_floating_point() else 0
    torch.testing.assert_close(first, second, rtol=near, atol=near, equal_nan=True)


def test_batch_has_every_key_in_its_form(dataset) -> None:
    data = dataset()
    batch = next(iter(data.train_dataloader()))
    assert batch.keys() - {"camera"} == {"image", "name", *data.offers}
    assert batch["image"].dtype == torch.uint8
    assert batch["image"].shape == (2, 3, *SIZE)
    for task in data.offers:
        if task in CLASSES:
            assert batch[task].dtype == torch.int64
            assert batch[task].shape in {(2, *SIZE), (2,)}
        else:
            assert batch[task].dtype == torch.float32
            assert batch[task].shape == (2, CHANNELS[task], *SIZE)
    if "camera" in batch:
        assert batch["camera"].dtype == torch.float32
        assert batch["camera"].shape == (2, 4)


@pytest.mark.parametrize("split", SPLITS)
def test_values_lie_in_their_ranges(dataset, split: str) -> None:
    data = dataset()
    for sample in samples(data, split):
        assert len(sample["image"].unique()) > 10
        for task, labels in data.labels.items():
            known = sample[task] != 255
            assert known.any() or task in data.sparse
            assert (sample[task][known] < len(labels.names)).all()
        if "depth" in sample:
            known = ~sample["depth"].isnan()
            assert (sample["depth"][known] > 0).all()
            assert known.any()
            length = sample["normals"].norm(dim=0)
            faces = ~length.isnan()
            assert faces.any()
            torch.testing.assert_close(length[faces], torch.ones(int(faces.sum())))
            if not isinstance(data, FileDataModule):  # those have holes of their own in each task
                assert (faces == known[0]).all()
            edges = sample["edges"][~sample["edges"].isnan()]
            assert edges.any()
            assert ((edges >= 0) & (edges <= 1)).all()
        if "camera" in sample:
            focal_x, focal_y, centre_x, centre_y = sample["camera"].tolist()
            assert min(focal_x, focal_y) > 0
            assert 0 < centre_x < SIZE[1]
            assert 0 < centre_y < SIZE[0]


def test_classes_have_names_and_colours(dataset) -> None:
    data = dataset()
    assert data.labels.keys() == CLASSES & set(data.offers)


def test_splits_share_no_sample(dataset, request) -> None:
    data = dataset()
    found = {split: names(data, split) for split in SPLITS}
    if request.node.callspec.params["dataset"] in TESTED_ON_VAL:
        assert found.pop("test") == found["val"]
        assert data.records("test") == data.records("val")  # so that a copy holds them once
    listed = [name for split in found.values() for name in split]
    assert len(listed) >= 5
    assert len(set(listed)) == len(listed)
    assert len(set().union(*(images(data, split) for split in found))) == len(listed)


def test_workers_change_nothing(dataset) -> None:
    alone, workers = dataset().train_dataloader(), dataset(workers=2).train_dataloader()
    for epoch in (0, 1):
        alone.sampler.set_epoch(epoch)
        workers.sampler.set_epoch(epoch)
        for first, second in zip(alone, workers, strict=True):
            assert_same(first, second)


def test_epochs_and_seeds_change_the_augmentation_and_not_the_data(dataset) -> None:
    samples = dataset().samples["train"]
    assert_same(samples[Draw(0, 1)], samples[Draw(0, 1)])
    images = [samples[Draw(epoch, 1)]["image"] for epoch in range(8)]
    assert any(not torch.equal(images[0], image) for image in images[1:])
    other = dataset(seed=1, augment=[])
    assert_same(other.samples["train"][1], dataset(augment=[]).samples["train"][1])
    assert_same(other.samples["val"][0], dataset().samples["val"][0])


def test_only_tasks_asked_for(dataset) -> None:
    task = dataset().offers[-1]
    data = dataset(tasks=[task])
    for split in SPLITS:
        assert data.samples[split][0].keys() - {"camera", "size"} == {"image", "name", task}


def test_labels_of_an_evaluation_have_the_size_that_is_said(dataset) -> None:
    data = dataset()
    for split in ("val", "test"):
        sample = data.samples[split][0]
        size = tuple(sample.get("size", torch.tensor(sample["image"].shape[-2:])).tolist())
        assert ("size" in sample) == (getattr(data, "evaluated_at", "network") == "native")
        for task in data.tasks_of(split):
            assert tuple(sample[task].shape[-2:]) in (size, ()), task


def test_flip_mirrors_maps_and_turns_normals(dataset) -> None:
    plain = dataset(augment=[]).samples["train"][0]
    flipped = dataset(augment=[RandomFlip(1.0)]).samples["train"][0]
    for key, value in plain.items():
        if key in {"camera", "name"}:
            continue
        mirrored = value.flip(-1) if value.ndim else value
        if key == "normals":
            mirrored = mirrored * torch.tensor([-1, 1, 1])[:, None, None]
        assert_near(flipped[key], mirrored)
    if "camera" in plain:
        expected = plain["camera"] * torch.tensor([1, 1, -1, 1]) + torch.tensor([0, 0, SIZE[1], 0])
        torch.testing.assert_close(flipped["camera"], expected)


@pytest.mark.parametrize("content", ["absent", "empty", "other"])
@pytest.mark.parametrize("word", FILES)
def test_the_proposed_scenes_can_be_written(
    word: str, content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "the data"
    if content != "absent":
        root.mkdir()
    if content == "other":
        (root / "letter.txt").touch()
    with pytest.raises(DatasetNotFoundError) as error:
        FILES[word](root, SIZE).setup()
    written: list[Path] = []
    monkeypatch.setattr(Plan, "write", lambda plan, *_: written.append(plan.out))
    (command,) = [part for part in str(error.value).split("`") if part.startswith("lightning ")]
    Command("scenes")(shlex.split(command)[2:])
    assert written == [tmp_path / "the data-scenes" if content == "other" else root]
