import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.report.run_folders import a_run, write_log, write_run
from vtagml.report import Comparison, Method, Row, Run, compare, read_run, reported
from vtagml.report.comparison import PRIOR

MIOU, RMSE = ("segmentation", "miou"), ("depth", "rmse")


def method(folder: Path, name: str, *seeds: Mapping[str, float | None]) -> Method:
    runs = (
        a_run(folder / f"{name}_{seed}", seed=seed, metrics=metrics)
        for seed, metrics in enumerate(seeds)
    )
    return Method(name, tuple(runs))


def row(comparison: Comparison, name: str) -> Row:
    (found,) = (each for each in comparison.rows if each.name == name)
    return found


def test_mean_and_deviation_over_seeds(tmp_path: Path) -> None:
    both = method(
        tmp_path, "a", {"segmentation": 0.4, "depth": 0.7}, {"segmentation": 0.6, "depth": 0.9}
    )
    found = row(compare([both]), "a")
    # Two values at distance d deviate by d / √2 with n - 1 below the root.
    assert found.values[MIOU].mean == pytest.approx(0.5)
    assert found.values[MIOU].deviation == pytest.approx(0.2 / math.sqrt(2))
    assert found.values[RMSE].mean == pytest.approx(0.8)
    assert (len(found.runs), found.trainable, found.total) == (2, 925581, 4058825)
    assert found.steps == (225,)
    assert found.delta is None


def test_delta_m_by_hand(tmp_path: Path) -> None:
    base = method(tmp_path, "base", {"segmentation": 0.5, "depth": 0.8})
    # Seed 0: mIoU +10 %, RMSE -10 % which is better: Δm = 10. Seed 1: 0 and 10 % worse: Δm = -5.
    better = method(
        tmp_path,
        "mine",
        {"segmentation": 0.55, "depth": 0.72},
        {"segmentation": 0.5, "depth": 0.88},
    )
    comparison = compare([base, better], ["base"])
    found = row(comparison, "mine").delta
    assert found is not None
    assert found.mean == pytest.approx(2.5)
    assert found.deviation == pytest.approx(15 / math.sqrt(2))
    own = row(comparison, "base").delta
    assert own is not None
    assert own.mean == pytest.approx(0.0)
    assert any("against the means of base" in note for note in comparison.notes)
    assert any("positive is better" in note for note in comparison.notes)


@pytest.mark.parametrize("name", ["base", "base_0", "{tmp}/base_0"])
def test_a_baseline_by_method_or_folder(tmp_path: Path, name: str) -> None:
    base = method(tmp_path, "base", {"segmentation": 0.5, "depth": 0.8})
    comparison = compare([base], [name.format(tmp=tmp_path)])
    assert row(comparison, "base").delta is not None
    assert "means of base, in percent" in comparison.notes[1]


def test_single_task_runs_are_a_baseline_together(tmp_path: Path) -> None:
    only_s = method(tmp_path, "only_s", {"segmentation": 0.5})
    only_d = method(tmp_path, "only_d", {"depth": 0.8})
    both = method(tmp_path, "both", {"segmentation": 0.6, "depth": 0.8})
    comparison = compare([only_s, only_d, both], ["only_s", "only_d"])
    found = row(comparison, "both").delta
    assert found is not None
    assert found.mean == pytest.approx(10.0)  # +20 % and 0
    assert "Δm of only_s is over its own tasks only: segmentation." in comparison.notes
    alone = compare([only_s, both], ["only_s"])
    assert row(alone, "both").delta is None
    assert "both has no Δm: the baseline lacks depth." in alone.notes


def test_a_baseline_gives_each_task_once(tmp_path: Path) -> None:
    methods = [method(tmp_path, name, {"depth": 0.8}) for name in ("one", "two")]
    with pytest.raises(ValueError, match="each task once, found depth in several of one, two"):
        compare(methods, ["one", "two"])


def test_an_unknown_baseline(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"one of the methods, `base`, or .* found `other`"):
        compare([method(tmp_path, "base", {"depth": 0.8})], ["other"])


def test_a_seed_without_a_number_leaves_cell_and_delta_empty(tmp_path: Path) -> None:
    base = method(tmp_path, "base", {"depth": 0.8})
    failed = method(tmp_path, "failed", {"depth": 0.8}, {"depth": None})
    found = row(compare([base, failed], ["base"]), "failed")
    assert math.isnan(found.values[RMSE].mean)
    assert found.delta is not None
    assert math.isnan(found.delta.mean)


def test_the_prior_is_a_row_of_its_own(tmp_path: Path) -> None:
    found = row(compare([method(tmp_path, "a", {"segmentation": 0.4, "depth": 0.7})]), PRIOR)
    assert found.values[MIOU].mean == 0.25
    assert found.values[RMSE].mean == 1.0
    assert found.runs == ()


SETS = ("birds", "cars", "aircraft", "flowers")


def classified(
    folder: Path,
    evaluated: str = "over all 598 classes",
    seed: int = 0,
    sets: Sequence[str] = SETS,
    **changes: Any,
) -> Run:
    """A run on EMTAL's sets, with accuracies of 0.1, 0.2 …, and more with every seed."""
    accuracy = {"name": "accuracy %", "decimals": 2, "factor": 100.0}
    changes = {
        "units": {name: {"accuracy": accuracy} for name in sets},
        "metrics.model": {n: {"accuracy": (i + 1 + i * seed) / 10} for i, n in enumerate(sets)},
        "metrics.prior": {name: {"accuracy": i / 100} for i, name in enumerate(sets)},
        "headline": dict.fromkeys(sets, "accuracy"),
        "higher_is_better": {name: {"accuracy": True} for name in sets},
        "comparable": {name: {"evaluated": evaluated} for name in sets},
        "letters": {name: name for name in sets},
        "provenance.data.class": "Mixture",
        **changes,
    }
    return a_run(folder, seed=seed, changes=changes)


def test_tasks_of_one_metric_have_a_mean(tmp_path: Path) -> None:
    runs = tuple(classified(tmp_path / str(seed), seed=seed) for seed in (0, 1))
    comparison = compare([Method("a", runs)])
    mean = ("mean", "accuracy")
    assert list(comparison.columns)[-1] == mean
    assert comparison.heading(mean) == "mean accuracy % ↑"
    found = row(comparison, "a").values[mean]  # 0.25 of the first seed, 0.4 of the second
    assert found.mean == pytest.approx(0.325)
    assert found.deviation == pytest.approx(0.15 / math.sqrt(2))
    assert [each[mean] for each in row(comparison, "a").of_seeds] == pytest.approx([0.25, 0.4])
    assert row(comparison, PRIOR).values[mean].mean == pytest.approx(0.015)


def test_tasks_of_several_metrics_or_not_all_have_no_mean(tmp_path: Path) -> None:
    both = method(tmp_path, "both", {"segmentation": 0.5, "depth": 0.8})
    alone = method(tmp_path, "alone", {"segmentation": 0.5})
    for methods in ([both], [alone]):
        assert not [task for task, _ in compare(methods).columns if task == "mean"]
    errors = ("birds", "cars")
    units = {name: {"accuracy": {"name": "mse", "decimals": 3, "factor": 1.0}} for name in errors}
    unscaled = classified(tmp_path / "errors", sets=errors, units=units)
    assert len(compare([Method("a", (unscaled,))]).columns) == 2
    apart = [classified(tmp_path / name, sets=[name]) for name in errors]
    assert len(compare([Method(run.tasks[0], (run,)) for run in apart]).columns) == 2
    one, fewer = classified(tmp_path / "one"), classified(tmp_path / "fewer", sets=SETS[:1])
    comparison = compare([Method("one", (one,)), Method("fewer", (fewer,))])
    assert row(comparison, "fewer").values.keys() == {("birds", "accuracy")}


def test_reported_rows_may_have_the_mean_alone(tmp_path: Path) -> None:
    methods = [Method("a", (classified(tmp_path / "a"),))]
    comparison = compare(methods, references=[reported("emtal_table1"), reported("emtal_table6")])
    union = row(comparison, "Union full fine-tuning").values
    assert {key: value.mean for key, value in union.items()} == {
        ("mean", "accuracy"): pytest.approx(0.8739)
    }
    emtal = row(comparison, "EMTAL, rank 4").values
    assert emtal["aircraft", "accuracy"].mean == pytest.approx(0.852)
    assert emtal["mean", "accuracy"].mean == pytest.approx(0.9173)
    assert row(comparison, "16 experts").source == "EMTAL, Table 6"


def test_reported_rows_of_one_head_do_not_stand_beside_a_head_per_set(tmp_path: Path) -> None:
    methods = [Method("a", (classified(tmp_path / "a", "within the set"),))]
    message = r"birds of `.*a` is within the set, emtal_table1 over all 598 classes: .*one_head"
    with pytest.raises(ValueError, match=message):
        compare(methods, references=[reported("emtal_table1")])


def test_time_of_a_step(tmp_path: Path) -> None:
    runs = []
    for seed, seconds in enumerate((1.0, 3.0)):
        folder = write_run(tmp_path / str(seed), seed=seed)
        write_log(folder, 0, [{"step": 9, "throughput/batch_seconds": seconds}])
        runs.append(read_run(folder))
    found = row(compare([Method("a", tuple(runs))]), "a").seconds
    assert found is not None
    assert found.mean == 2.0


def test_reported_rows_stand_apart(tmp_path: Path) -> None:
    run = a_run(tmp_path / "a", changes={"provenance.data.class": "Cityscapes"})
    comparison = compare([Method("a", (run,))], ["a"], [reported("vtagml_table2")])
    found = row(comparison, "VTAGML")
    assert found.source == "VTAGML, Table 2"
    assert found.values[MIOU].mean == pytest.approx(0.78)  # S-D on Cityscapes
    assert found.values[RMSE].mean == 6.503
    assert found.delta is None  # what was not measured alike does not compare
    assert found.method is None
    assert any("not measured here" in note for note in comparison.notes)
