"""One suite for all datasets: what a batch holds, and that it is the same everywhere."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from datamodules import DenseDataModule, HorizontalFlip, SceneObjects, Scenes
from datamodules.samples import Draw

SPLITS = ("train", "val", "test")
COUNTS = {"train": 4, "val": 2, "test": 2}
SIZE = (32, 48)


def scenes(layout: str, look: str) -> Callable[..., DenseDataModule]:
    def make(cache: Path | None, **settings) -> Scenes:
        return Scenes(layout, look, SIZE, **COUNTS, cache=cache, **settings)

    return make


def objects(cache: Path | None, **settings) -> SceneObjects:
    return SceneObjects(SIZE, **COUNTS, cache=cache, **settings)


# A new dataset gets one line here.
DATASETS: dict[str, Callable[..., DenseDataModule]] = {
    "room-day": scenes("room", "day"),
    "street-dusk": scenes("street", "dusk"),
    "objects": objects,
}

CLASSES = {"segmentation", "shape", "material", "colour"}
CHANNELS = {"depth": 1, "normals": 3, "edges": 1}


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


def names(data: DenseDataModule, split: str) -> set[str]:
    return {sample["name"] for sample in map(data.samples[split].__getitem__, range(COUNTS[split]))}


def assert_same(first: dict, second: dict) -> None:
    assert first.keys() == second.keys()
    for key, value in first.items():
        if isinstance(value, torch.Tensor):
            torch.testing.assert_close(value, second[key], rtol=0, atol=0, equal_nan=True)
        else:
            assert value == second[key]


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
    for index in range(COUNTS[split]):
        sample = data.samples[split][index]
        assert len(sample["image"].unique()) > 10
        for task, labels in data.labels.items():
            known = sample[task] != 255
            assert known.any()
            assert (sample[task][known] < len(labels.names)).all()
        if "depth" in sample:
            known = ~sample["depth"].isnan()
            assert (sample["depth"][known] > 0).all()
            length = sample["normals"].norm(dim=0)
            torch.testing.assert_close(length[known[0]], torch.ones(int(known.sum())))
            assert (length.isnan() == ~known[0]).all()
            assert ((sample["edges"] >= 0) & (sample["edges"] <= 1)).all()
        if "camera" in sample:
            focal_x, focal_y, centre_x, centre_y = sample["camera"].tolist()
            assert min(focal_x, focal_y) > 0
            assert 0 < centre_x < SIZE[1]
            assert 0 < centre_y < SIZE[0]


def test_classes_have_names_and_colours(dataset) -> None:
    data = dataset()
    assert data.labels.keys() == CLASSES & set(data.offers)


def test_splits_share_no_sample(dataset) -> None:
    data = dataset()
    images = [
        data.samples[split].source.read(i, [])["image"].tobytes()
        for split in SPLITS
        for i in range(COUNTS[split])
    ]
    assert len(set(images)) == sum(COUNTS.values())
    for split in SPLITS:
        assert len(names(data, split)) == COUNTS[split]
    assert not names(data, "train") & names(data, "val")
    assert not names(data, "val") & names(data, "test")


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
    images = [samples[Draw(epoch, 1)]["image"] for epoch in range(4)]
    assert any(not torch.equal(images[0], image) for image in images[1:])
    other = dataset(seed=1, augment=[])
    assert_same(other.samples["train"][1], dataset(augment=[]).samples["train"][1])
    assert_same(other.samples["val"][1], dataset().samples["val"][1])


def test_only_tasks_asked_for(dataset) -> None:
    task = dataset().offers[1]
    data = dataset(tasks=[task])
    for split in SPLITS:
        assert data.samples[split][0].keys() - {"camera"} == {"image", "name", task}


def test_flip_mirrors_maps_and_turns_normals(dataset) -> None:
    plain = dataset(augment=[]).samples["train"][0]
    flipped = dataset(augment=[HorizontalFlip(1.0)]).samples["train"][0]
    for key, value in plain.items():
        if key in {"camera", "name"}:
            continue
        mirrored = value.flip(-1) if value.ndim else value
        if key == "normals":
            mirrored = mirrored * torch.tensor([-1, 1, 1])[:, None, None]
        torch.testing.assert_close(flipped[key], mirrored, rtol=0, atol=0, equal_nan=True)
    if "camera" in plain:
        expected = plain["camera"] * torch.tensor([1, 1, -1, 1]) + torch.tensor([0, 0, SIZE[1], 0])
        torch.testing.assert_close(flipped["camera"], expected)
