import atexit
import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from datamodules.loader import KeyedSampler, Loader, OrderedSampler, ShuffledSampler
from datamodules.processes.workers import single_thread
from datamodules.samples import Samples, Source
from datamodules.transforms import Sample, Transform
from tests.fakes.ranks import Ranks


class Stamp(Transform):
    """Writes a random number into the image: two loads agree only if their keys agree."""

    def __call__(self, sample: Sample, random: np.random.Generator) -> Sample:
        return sample | {"image": np.full((1, 1, 3), random.random(), np.float64)}


def read(record: int, tasks: Sequence[str]) -> Sample:
    return {"image": np.zeros((1, 1, 3), np.uint8), "name": str(record), "depth": np.ones((1, 1))}


def samples(count: int) -> Samples:
    return Samples(Source(range(count), read), ["depth"], {}, [Stamp()], seed=3)


def loader(count: int = 11, batch_size: int = 2, workers: int = 0, seed: int = 5) -> Loader:
    split = samples(count)
    return Loader(
        split,
        batch_size=batch_size,
        sampler=ShuffledSampler(split, seed),
        drop_last=True,
        num_workers=workers,
        persistent_workers=workers > 0,
        worker_init_fn=single_thread,
        generator=torch.Generator(),
    )


def epoch_of(loader: Loader, epoch: int) -> list[tuple[list[str], list[float]]]:
    loader.sampler.set_epoch(epoch)
    return [(batch["name"], batch["image"][:, 0, 0, 0].tolist()) for batch in loader]


def test_epochs_differ_in_order_and_in_augmentation() -> None:
    first, second = epoch_of(loader(), 0), epoch_of(loader(), 1)
    assert first != second
    stamps = [
        {name: stamp for batch in epoch for name, stamp in zip(*batch, strict=True)}
        for epoch in (first, second)
    ]
    common = stamps[0].keys() & stamps[1].keys()
    assert common
    assert all(stamps[0][name] != stamps[1][name] for name in common)


def test_workers_that_stay_see_every_epoch() -> None:
    alone, workers = loader(), loader(workers=2)
    for epoch in (0, 1, 7):
        assert epoch_of(workers, epoch) == epoch_of(alone, epoch)


def test_global_random_numbers_are_left_alone() -> None:
    before = torch.get_rng_state()
    epoch_of(loader(), 0)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("stop", [0, 1, 3, 5])
def test_resumed_epoch_is_the_rest_of_the_epoch(stop: int) -> None:
    whole = epoch_of(loader(), 2)
    stopped = loader()
    stopped.sampler.set_epoch(2)
    batches = iter(stopped)
    for _ in range(stop):
        next(batches)
    resumed = loader()
    state = stopped.state_dict() if stop else {**stopped.state_dict(), "epoch": 2}
    resumed.load_state_dict(state)
    assert len(resumed) == len(whole)
    assert epoch_of(resumed, 2) == whole[stop:]
    assert epoch_of(resumed, 3) == epoch_of(loader(), 3)
    assert epoch_of(resumed, 2) == whole


def test_state_that_was_loaded_is_saved_again() -> None:
    stopped, between, resumed = loader(), loader(), loader()
    stopped.sampler.set_epoch(2)
    next(iter(stopped))
    between.load_state_dict(stopped.state_dict())
    resumed.load_state_dict(between.state_dict())
    assert epoch_of(resumed, 2) == epoch_of(loader(), 2)[1:]


def test_state_of_a_past_epoch_is_forgotten() -> None:
    stopped = loader()
    epoch_of(stopped, 0)
    resumed = loader()
    resumed.load_state_dict(stopped.state_dict())
    assert epoch_of(resumed, 1) == epoch_of(loader(), 1)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (loader(count=12), "`samples` was 11 .* 12 now"),
        (loader(batch_size=3), "`batch_size` was 2 .* 3 now"),
        (loader(seed=6), "`seed` was 5 .* 6 now"),
    ],
)
def test_rest_of_an_epoch_in_another_order_is_refused(changed: Loader, message: str) -> None:
    stopped = loader()
    next(iter(stopped))
    changed.load_state_dict(stopped.state_dict())
    with pytest.raises(ValueError, match=message):
        next(iter(changed))


def deeper(record: int, tasks: Sequence[str]) -> Sample:
    return read(record, tasks) | {"depth": np.full((1, 1), 2.0 if record == 5 else 1.0)}


def relabelled() -> Loader:
    changed = loader()
    split = Samples(Source(range(11), deeper), ["depth"], {}, [Stamp()], seed=3)
    changed.dataset.source = split.source
    return changed


def test_other_content_within_an_epoch_is_refused() -> None:
    stopped, changed = loader(), relabelled()
    next(iter(stopped))
    changed.load_state_dict(stopped.state_dict())
    with pytest.raises(ValueError, match=r"not those that the run stopped with .* Bring the data"):
        next(iter(changed))


def test_other_data_after_an_epoch_are_warned_of() -> None:
    for changed in (loader(count=12), relabelled()):
        stopped = loader()
        epoch_of(stopped, 0)
        changed.load_state_dict(stopped.state_dict())
        with pytest.warns(UserWarning, match=r"there were 11 samples .* goes on with what is"):
            assert epoch_of(changed, 1)


def test_states_of_earlier_versions_are_not_compared() -> None:
    stopped, resumed = loader(), loader()
    next(iter(stopped))
    resumed.load_state_dict(stopped.state_dict() | {"data": "0123456789abcdef"})
    assert epoch_of(resumed, 0) == epoch_of(loader(), 0)[1:]


def test_state_without_an_entry_is_refused_within_an_epoch() -> None:
    stopped, resumed = loader(), loader()
    next(iter(stopped))
    state = stopped.state_dict()
    del state["samples"]
    resumed.load_state_dict(state)
    with pytest.raises(ValueError, match="`samples` was None"):
        next(iter(resumed))


def test_other_batch_size_after_an_epoch_is_no_matter() -> None:
    stopped, changed = loader(), loader(batch_size=3)
    epoch_of(stopped, 0)
    changed.load_state_dict(stopped.state_dict())
    assert len(epoch_of(changed, 1)) == 3


def test_workers_survive_the_signals_that_stop_a_run() -> None:
    workers = loader(workers=2)
    workers.sampler.set_epoch(0)
    batches = iter(workers)
    found = [next(batches)["name"]]
    for worker in multiprocessing.active_children():
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
            os.kill(int(worker.pid or 0), number)
    found += [batch["name"] for batch in batches]
    assert found == [names for names, _ in epoch_of(loader(), 0)]


def test_workers_end_with_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    at_exit = []
    monkeypatch.setattr(atexit, "register", lambda *call: at_exit.append(partial(*call)))
    others = {child.pid for child in multiprocessing.active_children()}
    batches = iter(loader(workers=2))
    next(batches)
    own = [child for child in multiprocessing.active_children() if child.pid not in others]
    assert len(own) == 2
    at_exit[-1]()
    assert not any(child.is_alive() for child in own)


def test_workers_that_are_stopped_end_whatever_the_program_does_at_an_alarm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("datamodules.processes.workers.OUTLIVES", 1)
    before = signal.signal(signal.SIGALRM, signal.SIG_IGN)
    try:
        others = {child.pid for child in multiprocessing.active_children()}
        batches = iter(loader(workers=1))
        next(batches)
        (worker,) = (each for each in multiprocessing.active_children() if each.pid not in others)
        os.kill(int(worker.pid or 0), signal.SIGTERM)
        with suppress(RuntimeError):  # torch's, when it hears of it first
            worker.join(10)
        ended = worker.exitcode
        worker.kill()
        assert ended == -signal.SIGALRM
    finally:
        signal.signal(signal.SIGALRM, before)


def ranked(sampler: KeyedSampler, ranks: int, rank: int) -> KeyedSampler:
    """A sampler as it would be in one process of several."""
    sampler.num_replicas, sampler.rank = ranks, rank
    return sampler


def indices(sampler: KeyedSampler) -> list[int]:
    drawn = list(sampler)
    assert len(drawn) == len(sampler)
    return [draw.position for draw in drawn]


@pytest.mark.parametrize("count", [8, 9, 10])
def test_evaluation_covers_everything_once_over_ranks(count: int) -> None:
    parts = [indices(ranked(OrderedSampler(samples(count)), 3, rank)) for rank in range(3)]
    assert sorted(chain(*parts)) == list(range(count))


@pytest.mark.parametrize("count", [8, 9, 10])
def test_training_shows_nothing_twice_and_equally_much_to_ranks(count: int) -> None:
    parts = [indices(ranked(ShuffledSampler(samples(count), 1), 2, rank)) for rank in range(2)]
    assert [len(part) for part in parts] == [count // 2] * 2
    assert len(set(chain(*parts))) == count // 2 * 2


def test_batches_of_the_ranks_are_one_larger_batch() -> None:
    alone = indices(ShuffledSampler(samples(12), 1))
    ranks = [indices(ranked(ShuffledSampler(samples(12), 1), 2, rank)) for rank in range(2)]
    for start in range(0, 6, 3):
        together = {*ranks[0][start : start + 3], *ranks[1][start : start + 3]}
        assert together == set(alone[2 * start : 2 * start + 6])


def test_a_running_group_says_how_many_ranks_share_an_epoch() -> None:
    shares = Ranks(3).run(lambda rank: indices(ShuffledSampler(samples(12), 1)))
    assert shares == [
        indices(ranked(ShuffledSampler(samples(12), 1), 3, rank)) for rank in range(3)
    ]


def test_what_is_read_ahead_is_not_yet_delivered() -> None:
    def two_ahead(batches: Iterator[Any], before: int) -> Iterator[Any]:
        told.append(before)
        ahead = list(islice(batches, 2))
        for batch in batches:
            yield ahead.pop(0)
            ahead.append(batch)
        yield from ahead

    told: list[int] = []
    expected = [batch["name"] for batch in loader()]
    first = loader()
    first.through = two_ahead
    found = [batch["name"] for batch in islice(first, 3)]
    second = loader()
    second.through = two_ahead
    second.load_state_dict(first.state_dict())
    assert found + [batch["name"] for batch in second] == expected
    assert told == [0, 3]


class Recorder(LightningModule):
    """Notes what it is trained on; its one parameter keeps the optimiser busy."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(()))
        self.seen: list[tuple[int, tuple[str, ...], float]] = []

    def training_step(self, batch: dict, batch_idx: int) -> torch.Tensor:
        stamp = batch["image"].double().sum()
        self.seen.append((self.current_epoch, tuple(batch["name"]), stamp.item()))
        return (self.scale * stamp.float()).sum()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 1e-3)


class Save(Callback):
    """Writes a checkpoint after every step and after every epoch."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_batch_end(self, trainer: Trainer, *_: object) -> None:
        trainer.save_checkpoint(self.folder / f"step{trainer.global_step}.ckpt")

    def on_train_epoch_end(self, trainer: Trainer, *_: object) -> None:
        trainer.save_checkpoint(self.folder / f"epoch{trainer.current_epoch}.ckpt")


def fit(callbacks: list[Callback], checkpoint: Path | None = None) -> Recorder:
    module = Recorder()
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=3,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=callbacks,
    )
    trainer.fit(module, loader(), ckpt_path=checkpoint)
    return module


def test_lightning_resumes_bit_equal(tmp_path: Path) -> None:
    whole = fit([Save(tmp_path)])
    assert len(whole.seen) == 15
    # An epoch has 5 batches: in the middle, at the last batch, after the epoch, in a later one.
    for name, steps in {"step2": 2, "step5": 5, "epoch0": 5, "step8": 8, "epoch1": 10}.items():
        rest = fit([], tmp_path / f"{name}.ckpt")
        assert rest.seen == whole.seen[steps:], name
        assert torch.equal(rest.scale, whole.scale), name
