"""Benefits of training two tasks together, from runs of one and of two."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.benchmarks.benefits import benefits, main
from tests.report.run_folders import a_run, write_run
from vtagml.report import Run, compare_affinities, read_learned
from vtagml.report.affinities import SIMILARITY


def runs(folder: Path) -> list[Run]:
    """Of segmentation (higher is better) and of depth (lower is better), apart and together."""
    return [
        a_run(folder / "s0", metrics={"segmentation": 0.4}),
        a_run(folder / "s1", seed=1, metrics={"segmentation": 0.6}),
        a_run(folder / "d0", metrics={"depth": 0.8}),
        a_run(folder / "sd", metrics={"segmentation": 0.6, "depth": 1.0}),
    ]


def test_by_hand(tmp_path: Path) -> None:
    found = benefits(runs(tmp_path))
    assert found["tasks"] == ["segmentation", "depth"]
    # Segmentation from a mean of 0.5 to 0.6: a fifth better; depth by 0.2 of 0.8 worse.
    np.testing.assert_allclose(found["similarity"], [[0, 0.2], [-0.25, 0]], atol=1e-12)
    assert found["observations"] == [[2, 1], [1, 1]]


def test_a_pair_without_a_run_is_unknown(tmp_path: Path) -> None:
    write_run(tmp_path / "runs" / "s", metrics={"segmentation": 0.5})
    write_run(tmp_path / "runs" / "d", metrics={"depth": 0.5})
    main([str(tmp_path / "runs"), str(tmp_path / "benefits.json")])
    found = read_learned(tmp_path / "benefits.json")
    assert np.isnan(found.matrices[SIMILARITY][0, 1])
    assert found.matrices[SIMILARITY][0, 0] == 0


def test_the_file_can_be_compared_with_affinities(tmp_path: Path) -> None:
    runs(tmp_path / "runs")
    main([str(tmp_path / "runs"), str(tmp_path / "benefits.json")])
    found = read_learned(tmp_path / "benefits.json")
    agreement = compare_affinities(found, found).agreements[SIMILARITY]
    assert (agreement.frobenius, agreement.entries) == (0, 2)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"provenance.training.steps": 7}, "the same data and length, found steps 225 in .* 7 in"),
        ({"provenance.data.settings.train": 7}, "found evaluated train 800 in .* 7 in"),
        ({"metrics.model.depth.rmse": None}, "no finite metric of .'depth'."),
    ],
)
def test_runs_that_cannot_be_compared(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    others = runs(tmp_path)
    other = a_run(tmp_path / "other", metrics={"depth": 0.8}, changes=changes)
    with pytest.raises(ValueError, match=said):
        benefits([*others, other])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model.init_args.encoder.class_path", "vtagml.encoders.Shared"),
        ("model.init_args.optimizer.init_args.lr", 0.01),
        ("data.init_args.batch_size", 32),
    ],
)
def test_another_method_is_refused(tmp_path: Path, key: str, value: Any) -> None:
    others = runs(tmp_path)
    other = a_run(tmp_path / "other", metrics={"depth": 0.8}, settings={key: value})
    with pytest.raises(
        ValueError, match=f"must be of one method .*, found {key} .* and {value} in"
    ):
        benefits([*others, other])


def test_tasks_and_what_only_looks_on_may_differ(tmp_path: Path) -> None:
    settings = {
        "model.init_args.tasks": [{"class_path": "vtagml.tasks.Depth"}],
        "data.init_args.scene_seed": 4,
        "data.init_args.workers": 7,
        "trainer.logger": False,
    }
    other = a_run(tmp_path / "other", metrics={"depth": 1.2}, settings=settings)
    # The mean of 0.8 and 1.2 is 1.0, which is what both tasks together have.
    assert benefits([*runs(tmp_path), other])["similarity"][1][0] == pytest.approx(0)


def test_a_task_that_was_never_alone(tmp_path: Path) -> None:
    pair = [run for run in runs(tmp_path) if run.tasks != ("depth",)]
    with pytest.raises(ValueError, match=r"each task alone, too, found no such run of \['depth'\]"):
        benefits(pair)


def test_a_task_that_is_0_alone_is_named(tmp_path: Path) -> None:
    alone = a_run(tmp_path / "a", metrics={"segmentation": 0.0})
    with pytest.raises(ValueError, match="`baseline` of segmentation must not be 0"):
        benefits([alone])


def test_an_unfinished_run_is_said(tmp_path: Path) -> None:
    runs(tmp_path)
    (write_run(tmp_path / "half", metrics={"depth": 0.8}) / "metrics.json").unlink()
    with pytest.raises(ValueError, match=r"`runs` must be finished, but .*half"):
        main([str(tmp_path), str(tmp_path / "benefits.json")])
