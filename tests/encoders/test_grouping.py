"""Groups of tasks: named, or made of a measured S."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from vtagml.affinity import Uniform
from vtagml.encoders import Grouping, MeasuredGroups, NamedGroups, OneThenAll
from vtagml.encoders.grouping import clusters

TASKS = ("segmentation", "depth", "normals", "edges")
# Depth and normals agree most; segmentation is nearer to edges than to either of them.
S = [
    [1.0, 0.3, 0.1, 0.5],
    [0.3, 1.0, 0.8, 0.1],
    [0.1, 0.8, 1.0, 0.2],
    [0.5, 0.1, 0.2, 1.0],
]
ONE = (TASKS,)
TWO = (("segmentation", "edges"), ("depth", "normals"))
THREE = (("segmentation",), ("depth", "normals"), ("edges",))
ALONE = tuple((task,) for task in TASKS)


def written(folder: Path, tasks: tuple[str, ...] = TASKS, observed: int = 1) -> Path:
    affinity = Uniform(TASKS)
    affinity.observations.fill_(observed)
    affinity.similarity.copy_(torch.tensor(S))
    state: dict[str, Any] = dict(affinity.state())
    order = [TASKS.index(task) for task in tasks]
    state["tasks"] = list(tasks)
    for name in ("similarity", "observations", "omega"):
        state[name] = [[state[name][row][column] for column in order] for row in order]
    path = folder / "affinity.json"
    path.write_text(json.dumps(state))
    return path


def test_one_group_early_and_every_task_alone_late() -> None:
    assert OneThenAll().partitions(TASKS) == [ONE, ONE, ALONE, ALONE]
    assert OneThenAll(shared=0).partitions(TASKS) == [ALONE] * 4
    with pytest.raises(ValueError, match=r"`shared` must lie between 0 and 4 stages, found 5"):
        OneThenAll(shared=5)


def test_named_groups_come_in_the_order_of_the_tasks() -> None:
    named = NamedGroups(
        [
            [["edges", "normals", "depth", "segmentation"]],
            [["normals", "depth"], ["edges", "segmentation"]],
            [["normals", "depth"], ["edges"], ["segmentation"]],
            [["edges"], ["normals"], ["depth"], ["segmentation"]],
        ]
    )

    assert named.partitions(TASKS) == [ONE, TWO, THREE, ALONE]


@pytest.mark.parametrize("order", [TASKS, ("edges", "depth", "segmentation", "normals")])
def test_measured_groups_are_cuts_of_one_tree(order: tuple[str, ...], tmp_path: Path) -> None:
    measured = MeasuredGroups(written(tmp_path, order), [1, 2, 3, 4])

    assert measured.partitions(TASKS) == [ONE, TWO, THREE, ALONE]


def test_pairs_that_nobody_has_observed_make_no_groups(tmp_path: Path) -> None:
    unknown = written(tmp_path, observed=0)
    with pytest.raises(ValueError, match="has never observed segmentation and depth, segm"):
        MeasuredGroups(unknown).partitions(TASKS)
    assert MeasuredGroups(unknown, [1, 1, 1, 4]).partitions(TASKS) == [ONE, ONE, ONE, ALONE]


@pytest.mark.parametrize(
    ("tasks", "counts"), [(TASKS, [1, 1, 2, 4]), (TASKS[:3], [1, 1, 2, 3]), (TASKS[:1], [1] * 4)]
)
def test_by_default_tasks_part_in_halves_and_then_all(
    tasks: tuple[str, ...], counts: list[int], tmp_path: Path
) -> None:
    found = MeasuredGroups(written(tmp_path)).partitions(tasks)

    assert [len(partition) for partition in found] == counts


def test_linkage_is_of_averages() -> None:
    # Between {0, 1} and 2 the average is .45, less than the .5 between 2 and 3; the nearest pair of
    # the two, .8, would link them, and the farthest, .1, would not either.
    similarity = torch.eye(4, dtype=torch.float64)
    for (row, column), value in {(0, 1): 0.9, (0, 2): 0.8, (1, 2): 0.1, (2, 3): 0.5}.items():
        similarity[row, column] = similarity[column, row] = value

    assert clusters(similarity, "abcd", 2) == [["a", "b"], ["c", "d"]]
    # Complete linkage would part {0, 1, 2} here: (.3 + .0) / 2 > .1 > .0.
    similarity[2, 3] = similarity[3, 2] = 0.1
    similarity[0, 2] = similarity[2, 0] = 0.3
    similarity[1, 2] = similarity[2, 1] = 0.0

    assert clusters(similarity, "abcd", 2) == [["a", "b", "c"], ["d"]]


def test_a_matrix_that_is_not_symmetric_counts_either_way() -> None:
    similarity = torch.eye(3, dtype=torch.float64)
    similarity[1, 0], similarity[1, 2] = 0.9, 0.6

    assert clusters(similarity, "abc", 2) == [["a", "b"], ["c"]]


@pytest.mark.parametrize(
    ("grouping", "message"),
    [
        (NamedGroups([[["depth"]]]), r"each of the tasks \['segmentation', .* found \[\['depth'\]"),
        (NamedGroups([[[*TASKS, "depth"]]]), r"each of the tasks .* once in every stage"),
        (NamedGroups([[[*TASKS], []]]), r"each of the tasks .* once in every stage"),
        (NamedGroups([[list(TASKS)]]), r"`groups` must be of 4 stages, found 1"),
        (
            NamedGroups([[list(each) for each in step] for step in (ONE, TWO, ONE, ALONE)]),
            r"must not decrease nor mix.* in stage 3 behind \[\['segmentation', 'edges'\], \['dep",
        ),
        (
            NamedGroups(
                [
                    *([list(each) for each in step] for step in (ONE, TWO)),
                    *([["segmentation", "depth"], ["normals"], ["edges"]], [[t] for t in TASKS]),
                ]
            ),
            r"must not decrease nor mix.* found \[\['segmentation', 'depth'\], .* in stage 3",
        ),
        (MeasuredGroups("a.json", [1, 2, 4]), r"`counts` must be 4 numbers .* \[1, 2, 4\]"),
        (MeasuredGroups("a.json", [1, 2, 1, 4]), r"the 4 tasks, none smaller .* \[1, 2, 1, 4\]"),
        (MeasuredGroups("a.json", [0, 1, 2, 4]), r"between 1 and the 4 tasks"),
        (MeasuredGroups("a.json", [1, 1, 2, 5]), r"between 1 and the 4 tasks"),
    ],
)
def test_groups_that_cannot_be_are_refused(grouping: Grouping, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        grouping.partitions(TASKS)


def test_a_file_that_is_not_there_is_named_with_what_makes_one(tmp_path: Path) -> None:
    absent = tmp_path / "affinity.json"

    with pytest.raises(
        FileNotFoundError, match=r"`affinity` must be .*affinity.json: train one .*NamedGroups"
    ):
        MeasuredGroups(absent).partitions(TASKS)


def test_a_file_of_other_tasks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"`tasks` must be among .*\['saliency'\] are not"):
        MeasuredGroups(written(tmp_path)).partitions(("depth", "saliency"))


def test_without_a_tree_nothing_waits_for_scipy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.cluster.hierarchy", None)

    assert clusters(torch.eye(2, dtype=torch.float64), "ab", 1) == [["a", "b"]]
