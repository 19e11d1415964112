"""Sets of images with different tasks as one: batches, unknown labels, orders, ranks, files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from datamodules import DenseDataModule, Folders, Labels, Mixture, RandomFlip, SceneObjects, Source
from datamodules.loader import Loader
from datamodules.samples import Draw

SIZE = (4, 6)
CLASSES = {"birds": ("wren", "rook", "kite"), "cars": ("van", "bus")}


def read(record: str, tasks: Sequence[str]) -> dict[str, Any]:
    number = int(record.rpartition("-")[2])
    image = np.full((*SIZE, 3), number, np.uint8)
    image[:, 0] = 200  # so that mirroring shows
    labels = {task: np.array(number % len(CLASSES[task]), np.uint8) for task in tasks}
    return {"image": image, "name": record} | labels


class Part(DenseDataModule):
    """Samples that say which they are."""

    offers = ("birds", "cars")

    def __init__(self, task: str, count: int, size: tuple[int, int] = SIZE, **options: Any) -> None:
        super().__init__(tasks=[task], **{"augment": [], "workers": 0} | options)
        self.count, self.image_size = count, size

    @property
    def labels(self) -> dict[str, Labels]:
        known = {task: Labels.spread(names) for task, names in CLASSES.items()}
        others = {task: Labels.spread(["of another set"]) for task in self.offers}
        return others | {task: known[task] for task in self.tasks}

    def source(self, split: str) -> Source[str]:
        return Source([f"{split}-{index}" for index in range(self.count)], read)


class Maps(Part):
    """A part with a label for every pixel."""

    def source(self, split: str) -> Source[str]:
        return Source(["train-0"], read_map)


def read_map(record: str, tasks: Sequence[str]) -> dict[str, Any]:
    return read(record, tasks) | {task: np.zeros(SIZE, np.uint8) for task in tasks}


class Withheld(Part):
    """A part whose test labels are kept secret."""

    def predicted_only(self, split: str) -> str | None:
        return "Because."


def mixture(birds: int = 5, cars: int = 3, **options: Any) -> Mixture:
    parts = [Part("birds", birds), Part("cars", cars)]
    data = Mixture(parts, **{"batch_size": 4, "workers": 0} | options)
    data.setup()
    return data


def epoch_of(loader: Loader, epoch: int) -> list[str]:
    loader.sampler.set_epoch(epoch)  # type: ignore[attr-defined]
    return [name for batch in loader for name in batch["name"]]


def test_every_sample_knows_its_own_task_alone() -> None:
    seen = set()
    for batch in mixture(workers=2).train_dataloader():
        assert set(batch) == {"image", "name", "birds", "cars"}
        for index, name in enumerate(batch["name"]):
            own, _, sample = name.partition("/")
            number = int(sample.rpartition("-")[2])
            (other,) = {"birds", "cars"} - {own}
            assert batch[own].dtype == batch[other].dtype == torch.int64
            assert batch[own][index] == number % len(CLASSES[own])
            assert batch[other][index] == 255
            seen.add(name)
    assert len(seen) == 8


def test_a_batch_may_know_nothing_of_a_task() -> None:
    data = mixture(birds=5, cars=3, batch_size=3)
    first, *_, last = data.val_dataloader()
    assert first["cars"].tolist() == [255] * 3
    assert last["birds"].tolist() == [255] * 2


def test_training_is_a_plain_shuffle_of_all() -> None:
    data = mixture(60, 20, seed=3)
    loader = data.train_dataloader()
    expected = np.random.default_rng([3, 2]).permutation(80)
    listed = [f"birds/train-{index}" for index in range(60)]
    listed += [f"cars/train-{index}" for index in range(20)]
    assert epoch_of(loader, 2) == [listed[place] for place in expected]


def test_evaluation_goes_through_the_parts_in_order() -> None:
    data = mixture(2, 3)
    for split, loader in (("val", data.val_dataloader()), ("test", data.test_dataloader())):
        names = [name for batch in loader for name in batch["name"]]
        assert names == [
            *(f"birds/{split}-{index}" for index in range(2)),
            *(f"cars/{split}-{index}" for index in range(3)),
        ]


def test_predictions_have_no_labels_and_the_size_on_disk() -> None:
    batch = next(iter(mixture(2, 3).predict_dataloader()))
    assert set(batch) == {"image", "name", "size"}
    assert batch["size"].tolist() == [list(SIZE)] * 4
    assert batch["name"][2] == "cars/test-0"


def test_classes_are_those_of_all_parts_in_their_order() -> None:
    data = mixture()
    assert list(data.labels) == list(data.tasks) == ["birds", "cars"]
    assert {task: labels.names for task, labels in data.labels.items()} == CLASSES
    assert data.image_size == SIZE


def test_ranks_share_an_epoch_and_no_sample() -> None:
    data = mixture(9, 6)
    shares = []
    for rank in range(2):
        loader = data.train_dataloader()
        sampler: Any = loader.sampler
        sampler.rank, sampler.num_replicas = rank, 2
        sampler.set_epoch(1)
        shares.append([draw.position for draw in sampler])
    assert len(shares[0]) == len(shares[1]) == 7
    assert len({*shares[0], *shares[1]}) == 14


def test_a_stopped_epoch_goes_on_with_the_very_next_sample() -> None:
    whole = epoch_of(mixture(9, 7).train_dataloader(), 1)
    stopped = mixture(9, 7).train_dataloader()
    stopped.sampler.set_epoch(1)  # type: ignore[attr-defined]
    batches = iter(stopped)
    begun = [name for _ in range(2) for name in next(batches)["name"]]
    resumed = mixture(9, 7).train_dataloader()
    resumed.load_state_dict(stopped.state_dict())
    rest = [name for batch in resumed for name in batch["name"]]
    assert begun + rest == whole
    other = mixture(7, 9).train_dataloader()
    other.load_state_dict(stopped.state_dict())
    with pytest.raises(ValueError, match="data are not those"):
        next(iter(other))


def test_each_part_is_changed_as_it_is_by_itself() -> None:
    parts = [Part("birds", 2, augment=[RandomFlip(1.0)]), Part("cars", 2)]
    data = Mixture(parts, workers=0)
    data.setup("fit")
    bird, car = data.samples["train"][0], data.samples["train"][2]
    assert (bird["image"][0, :, -1] == 200).all()
    assert (car["image"][0, :, 0] == 200).all()
    assert data.samples["val"][0]["image"][0, 0, 0] == 200


def test_samples_at_one_place_of_two_parts_are_changed_otherwise() -> None:
    parts = [Part(task, 40, augment=[RandomFlip()]) for task in CLASSES]
    data = Mixture(parts, workers=0)
    data.setup("fit")
    images = [data.samples["train"][Draw(0, place)]["image"][0] for place in range(80)]
    mirrored = [bool((image[:, -1] == 200).all()) for image in images]
    assert 20 < sum(mirrored) < 60
    assert mirrored[:40] != mirrored[40:]


def test_a_part_without_a_task_that_is_asked_for_is_left_out() -> None:
    data = mixture(tasks=["cars"])
    assert data.tasks == ("cars",)
    assert list(data.labels) == ["cars"]
    assert len(data.samples["train"]) == 3
    assert set(data.samples["train"][0]) == {"image", "name", "cars"}


@pytest.mark.parametrize("by_its_part", [False, True])
def test_withheld_labels_are_unread(by_its_part: bool) -> None:
    cars = Part("cars", 3, withheld=["cars"] if by_its_part else [])
    withheld = [] if by_its_part else ["cars"]
    data = Mixture([Part("birds", 5), cars], workers=0, withheld=withheld)
    data.setup()
    assert data.withheld == cars.withheld == ("cars",)
    assert set(data.samples["train"][0]) == {"image", "name", "birds"}
    assert set(data.samples["val"][0]) == {"image", "name", "birds", "cars"}


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([], "datasets with different tasks, found \\[\\]"),
        ([Part("birds", 1), Part("birds", 1)], "different tasks, found \\['birds', 'birds'\\]"),
        ([Part("birds", 1), Part("cars", 1, (4, 4))], "one `image_size`, found {'birds': \\(4, 6"),
    ],
)
def test_parts_that_do_not_go_together_are_refused(parts: list[Part], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Mixture(parts)


def test_labels_of_pixels_are_refused() -> None:
    data = Mixture([Maps("birds", 1), Part("cars", 1)], batch_size=1, workers=0)
    data.setup("fit")
    with pytest.raises(ValueError, match="whole images, found a map of `birds` for sample `train-"):
        data.samples["train"][0]


def test_tasks_without_classes_are_refused(tmp_path: Path) -> None:
    folders = Folders(tmp_path, SIZE, classes=["leaf"], tasks=["segmentation", "depth"])
    with pytest.raises(ValueError, match="found \\['depth'\\], which have none"):
        _ = Mixture([folders]).labels


def test_drawn_parts_are_rendered_once_each_with_views_of_their_own(tmp_path: Path) -> None:
    counts = {"train": 2, "val": 1, "test": 1}
    parts = [
        SceneObjects(
            **counts, tasks=[task], scene_seed=seed, image_size=(16, 16), cache=tmp_path, workers=0
        )
        for seed, task in enumerate(SceneObjects.offers)
    ]
    data = Mixture(parts, batch_size=2, workers=0)
    data.prepare_data()
    data.setup("fit")
    samples = [data.samples["train"][place] for place in range(6)]
    assert len({sample["image"].numpy().tobytes() for sample in samples}) == 6
    known = [[task for task in data.tasks if sample[task] != 255] for sample in samples]
    assert known == [["shape"]] * 2 + [["material"]] * 2 + [["colour"]] * 2
    assert len(list(tmp_path.glob("objects-*"))) == 9


def test_a_part_that_is_only_predicted_is_not_tested() -> None:
    data = Mixture([Part("birds", 2), Withheld("cars", 2)], workers=0)
    data.setup()
    with pytest.raises(ValueError, match=r"Because\."):
        data.test_dataloader()
