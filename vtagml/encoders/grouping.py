"""Which tasks go together, stage by stage: groups that only ever split."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import TypeAlias

import torch
from jaxtyping import Float64
from torch import Tensor

from vtagml.affinity import read_state
from vtagml.affinity.transfer import positions, square
from vtagml.backbone.backbone import LEVELS

Partition: TypeAlias = tuple[tuple[str, ...], ...]
"""Groups of tasks; every task is in one of them."""


class Grouping(ABC):
    """Says for each stage which tasks share what trains in it."""

    @abstractmethod
    def groups(self, tasks: Sequence[str]) -> Sequence[Sequence[Sequence[str]]]:
        """Returns the groups of every stage."""

    def partitions(self, tasks: Sequence[str]) -> list[Partition]:
        """Returns the groups of every stage, in the order of the tasks, if they are what they must.

        Raises:
            ValueError: Stages or tasks are missing, or tasks that have parted meet again.
        """
        found = [_in_order(stage, tasks) for stage in self.groups(tasks)]
        if len(found) != LEVELS:
            raise ValueError(f"`groups` must be of {LEVELS} stages, found {len(found)}.")
        for stage, (before, after) in enumerate(pairwise(found), start=2):
            if any(not any(set(group) <= set(parent) for parent in before) for group in after):
                raise ValueError(
                    f"`groups` must not decrease nor mix: tasks that have parted stay apart, found "
                    f"{_shown(after)} in stage {stage} behind {_shown(before)}."
                )
        return found


class OneThenAll(Grouping):
    """One group of all tasks in the first stages, and every task alone in the others.

    Args:
        shared: How many stages have one group.
    """

    def __init__(self, shared: int = 2) -> None:
        if not 0 <= shared <= LEVELS:
            raise ValueError(f"`shared` must lie between 0 and {LEVELS} stages, found {shared}.")
        self.shared = shared

    def groups(self, tasks: Sequence[str]) -> Sequence[Sequence[Sequence[str]]]:
        alone = [[task] for task in tasks]
        return [[tasks]] * self.shared + [alone] * (LEVELS - self.shared)


class NamedGroups(Grouping):
    """The groups that are given.

    Args:
        stages: For each of the four stages a list of groups, which are lists of task names.
    """

    def __init__(self, stages: list[list[list[str]]]) -> None:
        self.stages = stages

    def groups(self, tasks: Sequence[str]) -> Sequence[Sequence[Sequence[str]]]:
        return self.stages


class MeasuredGroups(Grouping):
    """Groups of tasks whose gradients agree: average linkage on 1 - S.

    All stages cut one tree, so that groups only split.

    Args:
        affinity: The `affinity.json` of a run that measured S for these tasks.
        counts: How many groups each stage has; null for one, one, half as many as tasks, one each.
    """

    def __init__(self, affinity: str | PathLike[str], counts: Sequence[int] | None = None) -> None:
        self.affinity, self.counts = Path(affinity), counts

    def groups(self, tasks: Sequence[str]) -> Sequence[Sequence[Sequence[str]]]:
        counts = self._checked(tasks)
        if not self.affinity.is_file():
            raise FileNotFoundError(
                f"`affinity` must be the `affinity.json` of a run that measured the similarity of "
                f"the tasks, found no file {self.affinity}: train one whose tasks share a stream "
                "(`experiments/methods/bottleneck_adapter_shared.yaml`), or give the groups by "
                "`vtagml.encoders.NamedGroups`."
            )
        state = read_state(self.affinity)
        order = positions(tasks, state["tasks"])
        similarity, observed = (
            square(name, rows, state["tasks"])[order][:, order]
            for name, rows in (
                ("similarity", state["similarity"]),
                ("observations", state["observations"]),
            )
        )
        pairs = torch.triu(observed == 0, diagonal=1).nonzero().tolist()
        if pairs and any(1 < count < len(tasks) for count in counts):
            unknown = ", ".join(f"{tasks[one]} and {tasks[other]}" for one, other in pairs)
            raise ValueError(
                f"`affinity` must know how similar all tasks are, found that `{self.affinity}` has "
                f"never observed {unknown}: take a run whose tasks share a stream and images, or "
                "give groups by `vtagml.encoders.NamedGroups` (also to open a run made from it)."
            )
        return [clusters(similarity, tasks, count) for count in counts]

    def _checked(self, tasks: Sequence[str]) -> Sequence[int]:
        every = len(tasks)
        counts = [1, 1, (every + 1) // 2, every] if self.counts is None else self.counts
        inside = all(1 <= count <= every for count in counts)
        if len(counts) != LEVELS or not inside or list(counts) != sorted(counts):
            raise ValueError(
                f"`counts` must be {LEVELS} numbers of groups between 1 and the {every} tasks, "
                f"none smaller than the one before, found {list(counts)}."
            )
        return counts


def clusters(
    similarity: Float64[Tensor, "task source"], tasks: Sequence[str], count: int
) -> list[list[str]]:
    """Returns so many groups of tasks by average linkage on 1 - S."""
    if count in (1, len(tasks)):  # also of a single task, of which there is no tree
        return [list(tasks)] if count == 1 else [[task] for task in tasks]
    # As slow to import as all the rest of a command.
    from scipy.cluster.hierarchy import cut_tree, linkage

    # A matrix that was not made of gradients need not be symmetric.
    distance = 1 - (similarity + similarity.T) / 2
    rows, columns = torch.triu_indices(len(tasks), len(tasks), offset=1)
    tree = linkage(distance[rows, columns].numpy(), method="average")
    labels = cut_tree(tree, n_clusters=count)[:, 0].tolist()
    return [
        [task for task, own in zip(tasks, labels, strict=True) if own == label]
        for label in sorted(set(labels))
    ]


def _in_order(groups: Sequence[Sequence[str]], tasks: Sequence[str]) -> Partition:
    named = [task for group in groups for task in group]
    if sorted(named) != sorted(tasks) or not all(groups):
        raise ValueError(
            f"`groups` must have each of the tasks {list(tasks)} once in every stage, found "
            f"{_shown(groups)}."
        )
    ordered = [tuple(sorted(group, key=list(tasks).index)) for group in groups]
    return tuple(sorted(ordered, key=lambda group: list(tasks).index(group[0])))


def _shown(groups: Sequence[Sequence[str]]) -> list[list[str]]:
    return [list(group) for group in groups]
