import json
import math
from pathlib import Path
from typing import Any

import pytest

from tests.report.run_folders import a_run
from vtagml.report import Method, compare, comparison_files
from vtagml.report.conflict_figures import course, distributions
from vtagml.report.conflicts import conflict_sheet, of_methods, read_conflicts

TASKS = ["a", "b", "c"]
# Four bins from -1 to 1; pairs ab, ac, bc.
SHARED = [[1, 0, 3, 0], [0, 0, 0, 0], [2, 2, 0, 0]]
FORK = [[0, 1, 7, 0], [0, 0, 8, 0], [0, 4, 4, 0]]


def content(**changes: Any) -> dict[str, Any]:
    history = [
        {"step": 0, "shared": [-0.5, None, -0.1], "fork": [0.1, 0.2, 0.3]},
        {"step": 10, "shared": [0.5, None, -0.1], "fork": [0.1, 0.2, -0.3]},
    ]
    places = {"shared": {"counts": SHARED}, "fork": {"counts": FORK}}
    return {"tasks": TASKS, "places": places, "history": history} | changes


def run_with(folder: Path, found: object, seed: int = 0) -> Any:
    run = a_run(folder, seed=seed)
    if found is not None:
        (run.folder / "conflicts.json").write_text(json.dumps(found), encoding="utf-8")
    return run


def test_shares_below_zero_by_hand(tmp_path: Path) -> None:
    found = read_conflicts(run_with(tmp_path / "run", content()).folder)
    assert found is not None
    assert found.pairs == [("a", "b"), ("a", "c"), ("b", "c")]
    ab, ac, bc = found.below_zero("shared")
    assert (ab, bc) == (0.25, 1.0)
    assert math.isnan(ac)
    assert found.below_zero("fork") == [0.125, 0.0, 0.5]


def test_course_in_parts_of_the_training(tmp_path: Path) -> None:
    found = read_conflicts(run_with(tmp_path / "run", content()).folder)
    assert found is not None
    # Steps 0 to 10 in two halves: both known cosines of the first record are negative, then one.
    assert found.course("shared", parts=2) == [(2.75, 1.0), (8.25, 0.5)]
    assert found.course("fork", parts=1) == [(5.5, pytest.approx(1 / 6))]
    # Parts without a measurement have no point.
    assert [step for step, _ in found.course("shared", parts=11)] == [0.5, 10.5]


def test_runs_of_a_method_count_together(tmp_path: Path) -> None:
    runs = [run_with(tmp_path / str(seed), content(), seed) for seed in (0, 1)]
    other = content(places={"shared": {"counts": [[0, 4, 0, 0]] * 3}, "fork": {"counts": FORK}})
    runs.append(run_with(tmp_path / "2", other, 2))
    found = of_methods([Method("mine", tuple(runs)), Method("none", (a_run(tmp_path / "none"),))])
    assert found.keys() == {"mine"}
    # ab: 1 + 1 + 4 of 4 + 4 + 4.
    assert found["mine"].below_zero("shared")[0] == 0.5
    assert len(found["mine"].history) == 6


def test_table_by_method_place_and_pair(tmp_path: Path) -> None:
    mine = Method("mine", (run_with(tmp_path / "mine", content()),))
    pair = content(tasks=["b", "a"], places={"fork": {"counts": [[1, 0, 0, 3]]}}, history=[])
    sheet = conflict_sheet(of_methods([mine, Method("two", (run_with(tmp_path / "t", pair),))]))
    assert sheet.header == ("method", "gradients of", "a, b %", "a, c %", "b, c %")
    assert sheet.rows == (
        ("mine", "shared parameters", "25.00", "–", "100.00"),
        ("mine", "features at the fork", "12.50", "0.00", "50.00"),
        ("two", "features at the fork", "25.00", "–", "–"),
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"tasks": 3},
        {"places": {"shared": {"counts": [[1, 2]]}}},
        {"places": {"shared": {"counts": [[1, 2, 3]] * 3}}},
        {"places": {"shared": {"counts": [[1, 2], [1, 2], [1, 2, 3, 4]]}}},
        {"places": {"shared": {"counts": [[]] * 3}}},
        {"places": {"shared": None}},
        {"places": {"shared": {"counts": [[10**400, 0]] * 3}}},
    ],
)
def test_a_damaged_file_is_named_and_costs_its_own(tmp_path: Path, changes: Any) -> None:
    run = run_with(tmp_path / "damaged", content(**changes))
    with pytest.raises(ValueError, match=r"conflicts\.json"):
        read_conflicts(run.folder)
    other = Method("mine", (run_with(tmp_path / "mine", content()),))
    assert of_methods([Method("damaged", (run,)), other]).keys() == {"mine"}


@pytest.mark.parametrize(
    "history",
    [
        [None],
        [{}],
        [{"step": 1, "shared": [0.5]}],
        [{"step": 10**60, "shared": [0.5, None, -0.1]}],
        None,
    ],
)
def test_records_of_another_form_are_left_out(tmp_path: Path, history: Any) -> None:
    found = read_conflicts(run_with(tmp_path / "run", content(history=history)).folder)
    assert found is not None
    assert found.course("shared", parts=4) == []


@pytest.mark.parametrize("found", [None, {}, {"tasks": ["a"]}])
def test_runs_that_counted_nothing(tmp_path: Path, found: object) -> None:
    assert read_conflicts(run_with(tmp_path / "run", found).folder) is None


def test_distributions_have_a_panel_per_pair_and_a_line_per_method(tmp_path: Path) -> None:
    methods = [Method(name, (run_with(tmp_path / name, content()),)) for name in ("one", "two")]
    figure = distributions(of_methods(methods), "shared")
    assert figure is not None
    assert [axes.get_title() for axes in figure.axes] == ["a and b", "a and c", "b and c"]
    lines = [axes.patches for axes in figure.axes]
    assert [len(own) for own in lines] == [2, 2, 2]
    shares, edges, _ = lines[0][0].get_data()
    below = shares[edges[1:] <= 1e-9].sum()
    assert (below, shares.sum()) == (pytest.approx(25), pytest.approx(100))
    assert distributions(of_methods(methods), "elsewhere") is None


def test_course_has_a_panel_per_place_and_a_line_per_method(tmp_path: Path) -> None:
    methods = [Method(name, (run_with(tmp_path / name, content()),)) for name in ("one", "two")]
    figure = course(of_methods(methods))
    assert figure is not None
    assert [axes.get_title() for axes in figure.axes] == [
        "Gradients of the shared parameters",
        "Gradients of the features at the fork",
    ]
    assert [len(axes.lines) for axes in figure.axes] == [2, 2]
    line = figure.axes[0].lines[0]
    assert line.get_ydata()[-1] == 50.0
    assert not line.get_clip_on()  # markers of shares of 0 stand on the axis
    without = Method("without", (run_with(tmp_path / "w", content(history=[])),))
    assert course(of_methods([without])) is None


def test_files_of_a_report(tmp_path: Path) -> None:
    own = Method("mine", (run_with(tmp_path / "mine", content()),))
    files = comparison_files(compare([own]), [], [], ("markdown", "csv", "latex", "png"))
    text = files["report.md"].decode()
    assert "| mine | shared parameters | 25.00 | – | 100.00 |" in text
    for name in ("shared", "fork", "course"):
        assert files[f"figures/conflicts_{name}.png"].startswith(b"\x89PNG")
        assert f"figures/conflicts_{name}.png" in text
    assert b"mine,features at the fork,12.50,0.00,50.00" in files["conflicts.csv"]
    bare = comparison_files(compare([Method("b", (a_run(tmp_path / "b"),))]), [], [], ("csv",))
    assert not [name for name in bare if "conflicts" in name]
