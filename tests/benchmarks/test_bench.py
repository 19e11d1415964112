from contextlib import nullcontext
from itertools import count
from pathlib import Path

import pytest
import torch

from tests.benchmarks.bench import Bench, Table, keep_tables, peak


def bench(kept: list[Table]) -> Bench:
    return Bench(nullcontext, kept.append, {"commit": "abc"})


def test_each_is_divided_by_the_first_of_its_own_round(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    slowdown, clock = count(1), [0.0]

    def takes(name: str, seconds: float) -> None:
        order.append(name)
        clock[0] += seconds * (next(slowdown) // 2)

    monkeypatch.setattr("time.perf_counter", lambda: clock[0])
    kept: list[Table] = []
    ratios = bench(kept).time(
        "a / b", {"b": lambda: takes("b", 2.0), "a": lambda: takes("a", 6.0)}, rounds=3
    )
    assert order == ["b", "a", "b", "a", "a", "b", "b", "a"]  # a warm-up, then to and fro
    # The machine slows down all the time: (1, 2), (3, 2) and (3, 4) times as slow for (b, a).
    assert ratios == {"b": 1.0, "a": 4.0}
    assert [row.amount for row in kept[-1].rows] == [6000.0, 12000.0]
    assert (kept[-1].rows[1].low, kept[-1].rows[1].high) == (2.0, 6.0)


def test_peak_is_what_is_held_at_once() -> None:
    def both() -> object:
        return torch.ones(2**18), torch.ones(2**18)

    def one_after_the_other() -> None:
        for _ in range(2):
            torch.ones(2**18)

    assert peak(both) == pytest.approx(2, abs=0.1)
    assert peak(one_after_the_other) == pytest.approx(1, abs=0.1)


def test_tables_are_kept_beside_those_of_other_titles(tmp_path: Path) -> None:
    kept: list[Table] = []
    measure = bench(kept)
    for title in ("first / x", "second / x"):
        measure.memory(title, {"x": lambda: torch.ones(2**18), "y": lambda: torch.ones(2**20)})
    measure.note("Four times.")
    keep_tables(kept[:1], tmp_path)
    keep_tables(kept[1:], tmp_path)
    text = (tmp_path / "bench.md").read_text()
    assert text.count("| y | 4.00 |") == 2
    assert "## First / x, peak memory" in text
    assert "Four times." in text
    assert "commit abc" in text
    before = (tmp_path / "bench.json").read_bytes()
    keep_tables(kept[1:], tmp_path)
    assert (tmp_path / "bench.json").read_bytes() == before
