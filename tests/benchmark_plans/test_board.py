from io import StringIO

import pytest
from rich.console import Console

from tests.benchmark_plans.plans import cells_of, write_plan
from vtagml.benchmark import Fate, standing
from vtagml.benchmark.board import Board


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    written = StringIO()
    console = Console(file=written, force_terminal=True, width=200, color_system=None)
    monkeypatch.setattr("vtagml.benchmark.board.get_console", lambda: console)
    return written


def test_a_bar_over_cells_with_the_time_that_is_left(screen: StringIO) -> None:
    cells = cells_of(write_plan())
    base, other = cells["base/0"], cells["other/0"]
    with Board({cell: standing(cell) for cell in cells.values()}, 1) as board:
        board.began(base, False)
        board.waits([other], {base: 60.0})
        assert "left: unknown" in _bar(board)
        board.ended(base, Fate.FINISHED, 120.0)
        board.waits([other], {})
        assert "1/4" in _bar(board)
        assert "left: 2 min" in _bar(board)  # as long as the one training that is known
    assert "base/0 finished after 2 min" in screen.getvalue()


def test_what_was_finished_before_is_counted_and_not_said(screen: StringIO) -> None:
    cells = cells_of(write_plan())
    with Board({cell: standing(cell) for cell in cells.values()}, 1) as board:
        board.ended(cells["base/0"], Fate.FINISHED, 0.0)
        assert "1/4" in _bar(board)
        board.ended(cells["other/0"], Fate.BUSY, 0.0)
    assert "base/0" not in screen.getvalue()
    assert "other/0 is at work in another process" in screen.getvalue()


def _bar(board: Board) -> str:
    written = StringIO()
    Console(file=written, width=200).print(board._bar.get_renderable())
    return written.getvalue()
