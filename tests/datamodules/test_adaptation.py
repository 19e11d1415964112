"""A source's labels with a target's images: batches, orders, ranks, resumed epochs, files."""

from collections import Counter
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
import pytest
import torch

from datamodules import Adaptation, Cityscapes, DenseDataModule, Labels, Source, Synthia
from datamodules.adaptation import PairedSampler, Pairs
from datamodules.loader import Loader
from datamodules.samples import Draw, Samples

CLASSES = ("floor", "wall", "thing")


def read(record: str, tasks: Sequence[str]) -> dict[str, Any]:
    number = int(record.rpartition("-")[2])
    sample: dict[str, Any] = {"image": np.full((2, 2, 3), number, np.uint8), "name": record}
    maps = {"segmentation": np.zeros((2, 2), np.int64), "depth": np.ones((2, 2), np.float32)}
    return sample | {task: maps[task] for task in tasks}


class Domain(DenseDataModule):
    """Samples whose names say where they come from and which they are."""

    offers = ("segmentation", "depth")

    def __init__(
        self,
        name: str,
        count: int,
        classes: Sequence[str] = CLASSES,
        tasks: Sequence[str] | None = None,
        batch_size: int = 2,
        seed: int = 0,
    ) -> None:
        super().__init__(tasks=tasks, batch_size=batch_size, workers=0, seed=seed, augment=[])
        self.name, self.count, self.classes = name, count, classes

    @property
    def labels(self) -> dict[str, Labels]:
        return {"segmentation": Labels.spread(self.classes)}

    def source(self, split: str) -> Source[str]:
        return Source([f"{self.name}-{split}-{index}" for index in range(self.count)], read)


def adaptation(source: int = 7, target: int = 5, **settings: Any) -> Adaptation:
    data = Adaptation(
        Domain("day", source), Domain("dusk", target, batch_size=3, seed=4), **settings
    )
    data.setup("fit")
    return data


def loader(**counts: int) -> Loader:
    return adaptation(**counts).train_dataloader()


def epoch_of(loader: Loader, epoch: int) -> list[tuple[list[str], list[str]]]:
    loader.sampler.set_epoch(epoch)  # type: ignore[attr-defined]
    return [(batch["name"], batch["target"]["name"]) for batch in loader]


def test_training_batch_has_labels_of_the_source_and_images_of_the_target() -> None:
    batch = next(iter(loader()))
    assert set(batch) == {"image", "name", "segmentation", "depth", "target"}
    assert set(batch["target"]) == {"image", "name"}
    assert all(name.startswith("day-train") for name in batch["name"])
    assert all(name.startswith("dusk-train") for name in batch["target"]["name"])
    assert len(batch["image"]) == len(batch["target"]["image"]) == 2


@pytest.mark.parametrize(("source", "target"), [(7, 5), (5, 7)])
def test_a_sampler_of_numbers_pairs_them(source: int, target: int) -> None:
    pairs = loader(source=source, target=target).dataset  # as with `overfit_batches`
    found = [(pairs[index]["name"], pairs[index]["target"]["name"]) for index in range(len(pairs))]
    assert found == [
        (f"day-train-{index}", f"dusk-train-{index % target}") for index in range(source)
    ]


def test_evaluation_is_the_targets_with_its_labels_and_batch_size() -> None:
    data = adaptation()
    data.setup()
    for split, batches in (("val", data.val_dataloader()), ("test", data.test_dataloader())):
        batch = next(iter(batches))
        assert batch["name"] == [f"dusk-{split}-{index}" for index in range(3)]
        assert {"segmentation", "depth"} < set(batch)
    assert next(iter(data.predict_dataloader()))["name"][0] == "dusk-test-0"


def test_there_are_as_many_variants_as_of_the_more_varied() -> None:
    data = adaptation()
    assert data.variants is None
    data.source.variants = 2
    assert data.variants is None
    data.target.variants = 3
    assert data.variants == 3


def test_images_of_both_are_scaled() -> None:
    data = adaptation()
    batch = data.on_after_batch_transfer(next(iter(data.train_dataloader())))
    for part in (batch, batch["target"]):
        numbers = [int(name.rpartition("-")[2]) for name in part["name"]]
        expected = torch.tensor(numbers, dtype=torch.float32) / 255
        assert torch.equal(part["image"][:, 0, 0, 0], expected)
    evaluated = data.on_after_batch_transfer({"image": torch.full((1, 3, 2, 2), 255).byte()})
    assert evaluated["image"].max() == 1


def test_epoch_is_one_of_the_source_in_the_sources_order() -> None:
    paired = loader()
    alone = adaptation().source.train_dataloader()
    assert len(paired) == len(alone) == 3
    for epoch in (0, 2):
        alone.sampler.set_epoch(epoch)  # type: ignore[attr-defined]
        names = [batch["name"] for batch in alone]
        assert [names for names, _ in epoch_of(paired, epoch)] == names


@pytest.mark.parametrize("target", [1, 3, 5, 7, 30])
def test_target_goes_round_in_passes_across_epochs(target: int) -> None:
    sampler = PairedSampler(pairs(7, target))
    drawn: list[Draw] = []
    for epoch in range(9):
        sampler.set_epoch(epoch)
        draws = [pair.target for pair in sampler]
        assert len(draws) == 7
        drawn += draws
    for number in range(len(drawn) // target):
        whole = drawn[number * target : (number + 1) * target]
        assert {draw.epoch for draw in whole} == {number}
        assert sorted(draw.position for draw in whole) == list(range(target))
    # No sample is two passes ahead of another.
    seen = Counter(draw.position for draw in drawn)
    assert max(seen.values()) - min(seen[index] for index in range(target)) <= 1


def test_passes_differ_in_order_and_follow_the_targets_seed() -> None:
    def orders(seed: int) -> list[list[int]]:
        sampler = PairedSampler(pairs(8, 8), 0, seed)
        found = []
        for epoch in (0, 1):
            sampler.set_epoch(epoch)
            found.append([pair.target.position for pair in sampler])
        return found

    first, second = orders(4)
    assert first != second
    assert first != list(range(8))
    assert orders(4) == [first, second]
    assert orders(5)[0] != first


def pairs(source: int, target: int) -> Pairs:
    def samples(count: int) -> Samples:
        return Samples(Source([f"x-{index}" for index in range(count)], read), (), {})

    return Pairs(samples(source), samples(target))


@pytest.mark.parametrize("ranks", [2, 3])
def test_ranks_share_an_epoch_without_a_sample_in_common(ranks: int) -> None:
    shares = []
    for rank in range(ranks):
        sampler = PairedSampler(pairs(13, 40))
        sampler.num_replicas, sampler.rank = ranks, rank
        sampler.set_epoch(1)
        shares.append(list(sampler))
    for side in ("source", "target"):
        drawn = [getattr(pair, side).position for share in shares for pair in share]
        assert len(set(drawn)) == len(drawn) == 13 // ranks * ranks
    # Rank r of n has every n-th, so that batches of the ranks are one larger batch.
    alone = PairedSampler(pairs(13 // ranks * ranks, 40))
    alone.set_epoch(1)
    together = [share[place].target for place in range(13 // ranks) for share in shares]
    assert [pair.target for pair in alone] == together


@pytest.mark.parametrize("stop", [1, 2, 3])
def test_resumed_epoch_is_the_rest_of_both(stop: int) -> None:
    whole = epoch_of(loader(), 2)
    stopped, resumed = loader(), loader()
    stopped.sampler.set_epoch(2)  # type: ignore[attr-defined]
    batches = iter(stopped)
    for _ in range(stop):
        next(batches)
    resumed.load_state_dict(stopped.state_dict())
    assert epoch_of(resumed, 2) == whole[stop:]
    assert epoch_of(resumed, 3) == epoch_of(loader(), 3)


def test_state_holds_only_what_a_checkpoint_may() -> None:
    paired = loader()
    next(iter(paired))
    state = paired.state_dict()
    assert state["delivered"] == 1
    assert state["target_samples"] == 5
    assert state["target_seed"] == 4
    file = BytesIO()
    torch.save(state, file)
    file.seek(0)
    assert torch.load(file, weights_only=True) == state


def test_other_target_in_the_middle_of_an_epoch_is_refused() -> None:
    stopped = loader()
    next(iter(stopped))
    with pytest.raises(ValueError, match=r"`target_samples` was 5 .* 6 now"):
        resumed(stopped.state_dict(), Domain("dusk", 6, seed=4))
    with pytest.raises(ValueError, match=r"`target_seed` was 4 .* 9 now"):
        resumed(stopped.state_dict(), Domain("dusk", 5, seed=9))
    with pytest.raises(ValueError, match="training data are not those"):
        resumed(stopped.state_dict(), Domain("night", 5, seed=4))


def resumed(state: dict[str, Any], target: Domain) -> None:
    data = Adaptation(Domain("day", 7), target)
    data.setup("fit")
    again = data.train_dataloader()
    again.load_state_dict(state)
    next(iter(again))


def test_tasks_reach_both_and_all_are_withheld_from_the_targets_training() -> None:
    data = adaptation(tasks=["depth"])
    assert data.tasks == data.source.tasks == data.target.tasks == ("depth",)
    assert data.target.withheld == ("depth",)
    assert data.source.withheld == ()
    batch = next(iter(data.train_dataloader()))
    assert "segmentation" not in batch
    with pytest.raises(ValueError, match=r"`tasks` should be one or more of .*found \['normals'\]"):
        adaptation(tasks=["normals"])


def test_labels_and_size_are_the_targets() -> None:
    data = Adaptation(
        Synthia("nowhere", (32, 64), "cityscapes_16"),
        Cityscapes("nowhere", (64, 96), "cityscapes_16"),
    )
    assert data.image_size == (64, 96)
    assert data.labels["segmentation"].names[0] == "road"
    assert data.prediction_format.folder == data.target.prediction_format.folder  # type: ignore[union-attr]
    assert adaptation().image_size is None


def test_other_classes_are_refused_with_both_counts_and_names() -> None:
    with pytest.raises(ValueError, match=r"3 \(floor, wall, thing\) and 2 \(floor, wall\)"):
        Adaptation(Domain("day", 7), Domain("dusk", 5, CLASSES[:2]))
    with pytest.raises(ValueError, match=r"same classes of segmentation.*`label_space`"):
        Adaptation(Domain("day", 7), Domain("dusk", 5, CLASSES[::-1]))
    # Classes of a task that is not asked for do not matter.
    Adaptation(Domain("day", 7), Domain("dusk", 5, CLASSES[:2]), tasks=["depth"])


def test_target_smaller_than_a_batch_comes_again_within_it() -> None:
    batch = next(iter(loader(target=1)))
    assert batch["target"]["name"] == ["dusk-train-0", "dusk-train-0"]


def test_source_smaller_than_a_batch_is_refused() -> None:
    with pytest.raises(ValueError, match="`batch_size` should be at most the 1 training samples"):
        loader(source=1)


class Lacking(Domain):
    def lacks(self, split: str) -> str | None:
        return f"{self.name} lacks {split}"


def test_what_is_lacking_is_said_by_the_one_whose_split_it_is() -> None:
    both = Adaptation(Lacking("day", 7), Lacking("dusk", 5))
    assert both.lacks("train") == "day lacks train"
    assert both.lacks("test") == "dusk lacks test"
    assert Adaptation(Lacking("day", 7), Domain("dusk", 5)).lacks("test") is None
    assert Adaptation(Domain("day", 7), Lacking("dusk", 5)).lacks("train") == "dusk lacks train"
