"""Affinities on disk: what one run writes and another reads, matched by the tasks' names."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import NotRequired, TypeAlias, TypedDict, cast

import torch
from jaxtyping import Float64
from torch import Tensor

from vtagml.run_files import Form, read_json

Rows: TypeAlias = Sequence[Sequence[int | float]]
Matrix: TypeAlias = Float64[Tensor, "task source"]

ROW_SUM_TOLERANCE = 1e-4  # Numbers typed by hand or written as float32 are not more exact.


class AffinityState(TypedDict):
    """What `Affinity.state` returns: plain numbers that JSON holds without loss.

    All matrices are [target][source], in the order of `tasks`.
    """

    affinity: str
    tasks: list[str]
    similarity: list[list[float]]
    observations: list[list[int]]
    omega: list[list[float]]
    exponential_mean: NotRequired[list[list[float]]]
    """E, of which ω is the softmax; absent where it is not, and in files of older versions."""
    settings: dict[str, int | float]


MATRIX: Form = [[float]]
STATE: Form = {
    "affinity": str,
    "tasks": [str],
    "similarity": MATRIX,
    "observations": MATRIX,
    "omega": MATRIX,
    "exponential_mean": MATRIX,
    "settings": dict,
    "step": int,
    "history": [{"step": int, "similarity": MATRIX, "omega": MATRIX}],
}


def read_state(path: str | PathLike[str]) -> AffinityState:
    """Reads the JSON of `Affinity.state` and checks that all of it is there."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"`path` must be the JSON file of an affinity's `state()`; there is no file {path}. "
            "A run that has trained writes one."
        )
    state = read_json(path, STATE) or {}
    expected = AffinityState.__required_keys__
    if missing := sorted(key for key in expected if state.get(key) is None):
        raise ValueError(
            f"`path` must hold a mapping with the keys {sorted(expected)}; {path} lacks {missing}."
        )
    tasks = state["tasks"]
    if not tasks or None in tasks or len(set(tasks)) < len(tasks):
        raise ValueError(f"`tasks` in {path} must be different names, found {tasks}.")
    return cast(AffinityState, state)


def square(name: str, values: Rows, tasks: Sequence[str]) -> Matrix:
    """Turns rows of numbers into a finite matrix with a row and a column per task."""
    shape = f"{len(tasks)} x {len(tasks)}, a row and a column for each of {list(tasks)}"
    lengths = [len(row) for row in values]
    if lengths != [len(tasks)] * len(tasks):
        raise ValueError(f"`{name}` must be {shape}; found rows of lengths {lengths}.")
    matrix = torch.tensor([list(map(float, row)) for row in values], dtype=torch.float64)
    if not matrix.isfinite().all():
        raise ValueError(f"`{name}` must hold finite numbers; found {matrix.tolist()}.")
    return matrix


def stochastic(name: str, values: Rows, tasks: Sequence[str]) -> Matrix:
    """As `square`, with rows (targets) that are not negative and sum to one."""
    matrix = square(name, values, tasks)
    sums = matrix.sum(1)
    if (matrix < 0).any() or ((sums - 1).abs() > ROW_SUM_TOLERANCE).any():
        raise ValueError(
            f"`{name}` must have rows (one per target task) of non-negative numbers that sum to 1; "
            f"found {matrix.tolist()} with row sums {sums.tolist()}. If its columns sum to 1, "
            "transpose it: the orientation is [target][source]."
        )
    return matrix / sums[:, None]


def positions(wanted: Sequence[str], tasks: Sequence[str]) -> list[int]:
    """Where each of the `wanted` tasks stands among those that a state was written for."""
    missing = [task for task in wanted if task not in tasks]
    if missing:
        raise ValueError(
            f"`tasks` must be among the tasks of the affinities that are read, {list(tasks)}; "
            f"{missing} are not. Choose affinities that were learned with these tasks."
        )
    return [list(tasks).index(task) for task in wanted]


def restricted(omega: Matrix, order: Sequence[int]) -> Float64[Tensor, "kept kept"]:
    """ω among the tasks at the positions `order`: the rest is left out, rows sum to one again."""
    chosen = omega[list(order)][:, list(order)]
    sums = chosen.sum(1, keepdim=True)
    if (sums <= 0).any():
        raise ValueError(
            "`tasks` must leave each target a source of positive weight; after leaving out the "
            f"other tasks ω is {chosen.tolist()}. Keep the tasks that these targets rely on."
        )
    return chosen / sums
