import json
import math
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from scipy.stats import spearmanr

from tests.report.run_folders import write_affinity
from vtagml.drawing import to_png
from vtagml.report import Learned, agreement, compare_affinities, read_learned
from vtagml.report.affinities import OMEGA, SIMILARITY, Matrix, spearman, spearman_interval
from vtagml.report.affinity_figures import side_by_side, strip

TASKS = ("a", "b", "c")


def symmetric(ab: float, ac: float, bc: float) -> list[list[float]]:
    return [[1.0, ab, ac], [ab, 1.0, bc], [ac, bc, 1.0]]


def learned(folder: Path, *pairs: float) -> Learned:
    return read_learned(write_affinity(folder, TASKS, symmetric(*pairs)))


def test_by_hand() -> None:
    first, second = np.array(symmetric(0.1, 0.2, 0.3)), np.array(symmetric(0.5, 0.9, 0.7))
    found = agreement(first, second)
    # Differences 0.4, 0.7, 0.4, each twice.
    assert found.frobenius == pytest.approx(math.sqrt(2 * (0.16 + 0.49 + 0.16)))
    assert found.absolute == pytest.approx(0.5)
    # Ranks (1, 2, 3) and (1, 3, 2): 1 - 6·2 / (3·8); that each pair stands twice does not matter.
    assert found.correlation == pytest.approx(0.5)
    assert found.entries == 6


def test_the_diagonal_counts_in_the_distance_only() -> None:
    first = np.array(symmetric(0.1, 0.2, 0.3))
    found = agreement(first, first + 3 * np.eye(3))
    assert found.frobenius == pytest.approx(math.sqrt(27))
    assert (found.absolute, found.correlation) == (0.0, pytest.approx(1.0))


@pytest.mark.parametrize("seed", range(3))
def test_against_scipy_with_equal_values(seed: int) -> None:
    generator = np.random.default_rng(seed)
    first, second = generator.integers(0, 4, (2, 12)).astype(float)
    assert spearman(first, second) == pytest.approx(spearmanr(first, second).statistic)


@pytest.mark.parametrize("values", [[1.0, 2.0], [0.25, 0.25, 0.25]])
def test_no_rank_correlation_of_two_or_of_equal_numbers(values: list[float]) -> None:
    assert math.isnan(spearman(np.array(values), np.arange(float(len(values)))))


def noisy_relation(tasks: int, noise: float) -> tuple[Matrix, Matrix]:
    """A symmetric matrix of relations and one that is like it but for noise."""
    random = np.random.default_rng(1)
    upper = np.triu(random.random((tasks, tasks)), 1)
    errors = np.triu(noise * random.standard_normal((tasks, tasks)), 1)
    return upper + upper.T, upper + upper.T + errors + errors.T


def test_the_interval_is_a_bootstrap_over_pairs() -> None:
    first, second = noisy_relation(8, 0.3)
    low, high = spearman_interval(first, second)
    assert (low, high) == spearman_interval(first, second)
    # One pair after the other, by scipy's correlation; the two entries of a pair are one thing.
    pairs = np.triu_indices(8, 1)
    random = np.random.default_rng(5)
    drawn = [random.integers(28, size=28) for _ in range(400)]
    found = [spearmanr(first[pairs][each], second[pairs][each]).statistic for each in drawn]
    assert [low, high] == pytest.approx(
        np.percentile(found, (2.5, 97.5)), abs=0.06
    )  # entry by entry: from 0.61
    assert low < agreement(first, second).correlation < high


def test_equal_orders_have_no_spread_and_few_pairs_no_interval() -> None:
    first, _ = noisy_relation(5, 0.0)
    assert spearman_interval(first, 2 * first) == (pytest.approx(1), pytest.approx(1))
    assert all(map(math.isnan, spearman_interval(first[:4, :4], first[:4, :4])))  # six pairs
    assert all(map(math.isnan, spearman_interval(first, np.ones_like(first))))


def test_the_interval_is_said_with_what_it_covers(tmp_path: Path) -> None:
    first, second = noisy_relation(6, 0.3)
    tasks = [f"t{number}" for number in range(6)]
    files = [
        write_affinity(tmp_path / name, tasks, (np.eye(6) + matrix / 2).clip(-1, 1).tolist())
        for name, matrix in (("one", first), ("two", second))
    ]
    notes = compare_affinities(*map(read_learned, files)).notes
    assert any("Spearman of S: 0." in note and "samples over pairs" in note for note in notes)
    assert not any("Spearman of ω" in note for note in notes)  # uniform here


def test_what_one_does_not_know_is_left_out() -> None:
    first = np.array(symmetric(0.1, 0.2, 0.3))
    second = first + 0.1
    second[0, 1] = second[1, 0] = np.nan
    found = agreement(first, second)
    assert found.entries == 4
    assert found.absolute == pytest.approx(0.1)


def test_tasks_are_matched_by_name(tmp_path: Path) -> None:
    omega = [[0.5, 0.3, 0.2], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4]]
    turned = [2, 0, 1]
    first = write_affinity(tmp_path / "one", TASKS, symmetric(0.1, 0.2, 0.3), omega)
    similarity = np.array(symmetric(0.1, 0.2, 0.3))[np.ix_(turned, turned)].tolist()
    other = np.array(omega)[np.ix_(turned, turned)].tolist()
    second = write_affinity(tmp_path / "two", [TASKS[i] for i in turned], similarity, other)
    found = compare_affinities(read_learned(first), read_learned(second))
    assert found.tasks == TASKS
    for each in found.agreements.values():
        assert each.frobenius == pytest.approx(0.0, abs=1e-6)
        assert each.correlation == pytest.approx(1.0)


def test_missing_tasks_are_named_and_rows_sum_to_one(tmp_path: Path) -> None:
    omega = [[0.5, 0.3, 0.2], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4]]
    first = write_affinity(tmp_path / "one", TASKS, symmetric(0.1, 0.2, 0.3), omega)
    second = write_affinity(tmp_path / "two", ["b", "a", "d"], symmetric(0.1, 0.2, 0.3), omega)
    found = compare_affinities(read_learned(first), read_learned(second))
    assert found.tasks == ("a", "b")
    assert "one/affinity.json` has c: left out" in found.notes[0]
    assert "two/affinity.json` has d: left out" in found.notes[1]
    # Among a and b the first row of ω is (0.5, 0.3) / 0.8.
    assert found.first.among(found.tasks)[OMEGA][0] == pytest.approx([0.625, 0.375])
    assert math.isnan(found.agreements[SIMILARITY].correlation)  # one pair only


def test_too_few_tasks_in_common(tmp_path: Path) -> None:
    first = learned(tmp_path / "one", 0.1, 0.2, 0.3)
    second = read_learned(write_affinity(tmp_path / "two", ["a", "x"], [[1.0, 0.0], [0.0, 1.0]]))
    with pytest.raises(ValueError, match="must share at least two tasks"):
        compare_affinities(first, second)


def test_a_pair_that_was_never_observed_is_no_zero(tmp_path: Path) -> None:
    file = write_affinity(tmp_path / "one", TASKS, symmetric(0.0, 0.2, 0.3)) / "affinity.json"
    state = json.loads(file.read_text())
    state["observations"][0][1] = state["observations"][1][0] = 0
    file.write_text(json.dumps(state))
    found = compare_affinities(read_learned(file), learned(tmp_path / "two", 0.1, 0.2, 0.3))
    assert found.agreements[SIMILARITY].entries == 4
    assert any("never observed" in note for note in found.notes)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"omega": [[1.0]]}, "does not hold affinities. `omega` must be 3 x 3"),
        ({"omega": symmetric(0.5, 0.5, 0.5)}, "sum to 1"),
        ({"similarity": [[None] * 3] * 3}, "does not hold affinities"),
        ({"history": [{"step": 1}]}, "`history` must hold records"),
        (
            {"history": [{"step": 1, "omega": [[1.0]], "similarity": symmetric(0.1, 0.2, 0.3)}]},
            "matrices of 3 × 3 numbers, found ",
        ),
    ],
)
def test_a_damaged_file(tmp_path: Path, change: dict[str, object], said: str) -> None:
    file = write_affinity(tmp_path / "one", TASKS, symmetric(0.1, 0.2, 0.3)) / "affinity.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    with pytest.raises(ValueError, match=said):
        read_learned(file)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"found no `affinity\.json` in"):
        read_learned(tmp_path)
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_learned(tmp_path / "absent.json")


def test_a_foreign_file(tmp_path: Path) -> None:
    (tmp_path / "affinity.json").write_text('{"tasks": ["a"]}')
    with pytest.raises(ValueError, match="does not hold affinities"):
        read_learned(tmp_path)


def picture(figure: Figure | None) -> Matrix:
    assert figure is not None
    png = to_png(figure)
    return np.asarray(Image.open(BytesIO(png)).convert("RGB")).astype(float)


def test_side_by_side_the_second_run_is_on_the_right(tmp_path: Path) -> None:
    one, two = learned(tmp_path / "one", 0.0, 0.0, 0.0), learned(tmp_path / "two", 0.9, 0.9, 0.9)
    pixels = picture(side_by_side(compare_affinities(one, two)))
    height, width = pixels.shape[:2]
    above = pixels[: height // 2]
    left, right = above[:, : width // 2], above[:, width // 2 :]
    assert right.mean() < left.mean() - 5  # S of the second is darker


def test_a_strip_has_a_column_per_step(tmp_path: Path) -> None:
    run = learned(tmp_path / "one", 0.1, 0.2, 0.3)
    two, one = strip(run), strip(run, count=1)
    assert picture(two).shape[1] == 2 * picture(one).shape[1]


def test_no_strip_without_a_history(tmp_path: Path) -> None:
    folder = write_affinity(tmp_path, TASKS, symmetric(0.1, 0.2, 0.3), records=0)
    assert strip(read_learned(folder)) is None
