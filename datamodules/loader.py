"""Sampling and loading that is the same in every run, and goes on where it stopped."""

import warnings
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from torch import distributed
from torch.utils.data import DataLoader, Dataset, DistributedSampler

from datamodules.fingerprint import Content, content_of_all
from datamodules.processes.workers import signals_wait, stop_at_exit
from datamodules.samples import Draw, Samples


class KeyedSampler(DistributedSampler[Draw]):
    """Yields this rank's share of an epoch as (epoch, index), so that workers know the epoch.

    It is a `DistributedSampler` even in a single process: Lightning then leaves it in place,
    where it would wrap another one in a sampler that repeats samples to make ranks equal.

    Args:
        samples: The split.
        seed: Of the order.
    """

    def __init__(self, samples: Dataset[Any], seed: int = 0) -> None:
        running = distributed.is_available() and distributed.is_initialized()
        ranks = distributed.get_world_size() if running else 1
        rank = distributed.get_rank() if running else 0
        super().__init__(samples, num_replicas=ranks, rank=rank, seed=seed)
        self.count = len(samples)  # type: ignore[arg-type]
        self.skip = 0  # samples to leave out at the start of the next pass, after a resume

    @abstractmethod
    def order(self) -> list[int]:
        """The epoch's indices of all ranks, in their order."""

    def __iter__(self) -> Iterator[Draw]:
        skip, self.skip = self.skip, 0
        # Rank r of n takes every n-th sample, so that the n ranks' batches are one larger batch.
        share = self.order()[self.rank :: self.num_replicas]
        return iter([Draw(self.epoch, index) for index in share[skip:]])

    def settings(self) -> dict[str, int]:
        """What the order depends on beside the epoch."""
        return {"seed": self.seed, "ranks": self.num_replicas}

    def __len__(self) -> int:
        return len(range(self.rank, self._used(), self.num_replicas))

    def _used(self) -> int:
        return self.count


class ShuffledSampler(KeyedSampler):
    """Another order in every epoch, and equally many samples for every rank.

    Samples that do not fill up the ranks are left out of that epoch: none is seen twice.
    """

    def order(self) -> list[int]:
        random = np.random.default_rng([self.seed, self.epoch])
        return random.permutation(self.count)[: self._used()].tolist()

    def _used(self) -> int:
        return self.count // self.num_replicas * self.num_replicas


class OrderedSampler(KeyedSampler):
    """Every sample exactly once over all ranks, in the order of the split.

    Ranks may differ by one sample; padding would count some samples twice in the metrics.
    """

    def order(self) -> list[int]:
        return list(range(self.count))


class Loader(DataLoader[Any]):
    """A DataLoader that can be resumed in the middle of an epoch.

    Lightning stores `state_dict` in its checkpoints and restores it before the first batch.

    Attributes:
        through: What a pass's batches go through before they are handed out, which may look ahead;
            it is told how many were handed out before a resume. None for nothing.
    """

    through: Callable[[Iterator[Any], int], Iterator[Any]] | None = None

    _epoch = 0
    _delivered = 0
    _state: Mapping[str, Any] | None = None
    _content: Content | None = None

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        # A generator, so that this runs at the first batch: by then Lightning has set the epoch,
        # and a state of an epoch that was complete is recognised as past.
        sampler = self.sampler
        self._epoch = getattr(sampler, "epoch", 0)
        state, self._state = self._state, None
        self._delivered = 0
        if state and isinstance(sampler, KeyedSampler):
            self._check_unchanged(state, within=state["epoch"] == self._epoch)
        if state and state["epoch"] == self._epoch and isinstance(sampler, KeyedSampler):
            self._delivered = state["delivered"]
            sampler.skip = self._delivered * (self.batch_size or 1)
        with signals_wait():
            batches = super().__iter__()
        stop_at_exit(batches)
        # Read ahead or not, only what is handed out counts as delivered.
        for batch in self.through(batches, self._delivered) if self.through else batches:
            self._delivered += 1
            yield batch

    def state_dict(self) -> dict[str, Any]:
        """Epoch, number of batches that were handed out, and what the order depends on."""
        if self._state is not None:  # resumed, and saved again before the first batch
            return dict(self._state)
        data = self._data()
        order = self._order_settings() | {"data": asdict(data) if data else None}
        return {"epoch": self._epoch, "delivered": self._delivered} | order

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Let the next pass begin where the stored one stopped, if it is of the same epoch."""
        self._state = dict(state)
        if isinstance(self.sampler, KeyedSampler):
            self.sampler.set_epoch(state["epoch"])

    def _order_settings(self) -> dict[str, int]:
        keyed = isinstance(self.sampler, KeyedSampler)
        order = self.sampler.settings() if keyed else {"seed": 0, "ranks": 1}  # type: ignore[attr-defined]
        samples = len(self.dataset)  # type: ignore[arg-type]
        return {"batch_size": self.batch_size or 1, "samples": samples} | order

    def _data(self) -> Content | None:
        if self._content is None:  # reads a few samples, so only once
            parts = getattr(self.dataset, "parts", [self.dataset])
            self._content = content_of_all([each for each in parts if isinstance(each, Samples)])
        return self._content

    def _check_unchanged(self, state: Mapping[str, Any], within: bool) -> None:
        """Refuses other data or another order within an epoch, warns of other data after one."""
        for name, now in self._order_settings().items():
            if within and state.get(name) != now:
                raise ValueError(
                    f"`{name}` was {state.get(name)} when the run stopped in the middle of epoch"
                    f" {state['epoch']}, and is {now} now: the rest of that epoch is not defined."
                    f" Resume with {state.get(name)}, or from a checkpoint of an epoch's end."
                )
        data, before = self._data(), state.get("data")
        if data is None or not isinstance(before, Mapping) or data.is_like(before):
            return
        changed = (
            f"The training data are not those that the run stopped with after epoch"
            f" {state['epoch']}: there were {state['samples']} samples and are"
            f" {len(self.dataset)} now, or some of those that were compared hold something else."  # type: ignore[arg-type]
        )
        if within:
            raise ValueError(
                f"{changed} The rest of that epoch is not defined. Bring the data back, or start"
                " from the weights alone."
            )
        warnings.warn(f"{changed} The run goes on with what is there now.", stacklevel=2)
