import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.benchmark.plans import ROWS, InterruptedQueue, cells_of, drive, started, write_plan
from vtagml.benchmark import State, outcome_of
from vtagml.launching import failure_of


def drive_plan(path: Path, *options: Any, **named: Any) -> dict[str, State]:
    return drive(list(cells_of(path).values()), *options, **named)


@pytest.mark.parametrize("processes", [1, 3])
def test_all_cells_run_once_and_sources_first(processes: int) -> None:
    path = write_plan()
    assert set(drive_plan(path, processes=processes).values()) == {State.FINISHED}
    order = started()
    assert sorted(order) == ["base/0", "base/1", "other/0", "other/1"]
    assert order.index("base/0") < order.index("other/0")
    assert order.index("base/1") < order.index("other/1")
    assert set(drive_plan(path, processes=processes).values()) == {State.FINISHED}
    assert started() == []


def test_a_failed_cell_leaves_its_log_and_the_others_go_on() -> None:
    path = write_plan()
    fates = drive_plan(path, {"base/0": {"fate": "fails"}})
    assert fates == {
        "base/0": State.FAILED,
        "other/0": State.WITHOUT_SOURCE,
        "base/1": State.FINISHED,
        "other/1": State.FINISHED,
    }
    cell = cells_of(path)["base/0"]
    failure = outcome_of(cell).failure
    assert failure is not None
    assert failure.splitlines()[1] == "error: no luck"
    assert "[ended with status 3 after " in failure
    assert "lightning fit" not in failure
    assert cell.log.read_text().startswith("$ lightning fit --config scenes.yaml")
    started()
    assert set(drive_plan(path).values()) == {State.FINISHED}
    assert started() == ["base/0", "other/0"]
    assert outcome_of(cell).failure is None


def test_a_run_that_leaves_nothing_has_failed(capsys: pytest.CaptureFixture[str]) -> None:
    path = write_plan([ROWS[0]], seeds=[0])
    assert drive_plan(path, {"base/0": {"fate": "leaves nothing"}}) == {"base/0": State.FAILED}
    assert "it has left no `metrics.json`; `out/base/0.log` has" in capsys.readouterr().out


def test_a_broken_off_cell_goes_on_from_its_checkpoint(
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = write_plan([ROWS[0]], seeds=[0])
    drive_plan(path)
    cell = cells_of(path)["base/0"]
    (cell.folder / "metrics.json").unlink()
    assert outcome_of(cell).state is State.BROKEN_OFF
    started()
    assert drive_plan(path) == {"base/0": State.FINISHED}
    assert started() == ["base/0 resumed"]
    assert "base/0 goes on: `out/base/0.log`" in capsys.readouterr().out


def test_one_without_a_checkpoint_begins_again() -> None:
    path = write_plan([ROWS[0]], seeds=[0])
    drive_plan(path)
    folder = cells_of(path)["base/0"].folder
    (folder / "metrics.json").unlink()
    (folder / "checkpoints" / "last.ckpt").unlink()
    started()
    assert drive_plan(path) == {"base/0": State.FINISHED}
    assert started() == ["base/0"]


@pytest.mark.parametrize("finished", [True, False])
def test_what_was_made_otherwise_is_left_alone(finished: bool) -> None:
    drive_plan(write_plan(seeds=[0]))
    other = write_plan([{**ROWS[0], "overrides": {"data.val": 7}}, ROWS[1]], seeds=[0])
    if not finished:
        Path("out/base/0/metrics.json").unlink()
        Path("out/other/0/metrics.json").unlink()
    started()
    assert drive_plan(other) == {"base/0": State.CHANGED, "other/0": State.CHANGED}
    assert started() == []
    cells = cells_of(other)
    assert outcome_of(cells["base/0"]).changes == ("data.val: 100 in the run, 7 in the plan",)
    assert outcome_of(cells["other/0"]).changes == (
        "its source `out/base/0` was made otherwise: data.val: 100 in the run, 7 in the plan",
    )


LATER: dict[str, Any] = {"base/0": {"date": "2026-01-02T00:00:00+00:00"}}


@pytest.mark.parametrize("finished", [True, False])
def test_a_source_that_was_run_anew_since_a_row_began(finished: bool) -> None:
    path = write_plan(seeds=[0])
    # The source is finished anew while the other, which started from the first, is broken off.
    drive_plan(path, {"other/0": {"date": "2026-01-03T00:00:00+00:00"}})
    if not finished:
        Path("out/other/0/metrics.json").unlink()
    shutil.rmtree("out/base/0")
    started()
    fates = drive_plan(path, LATER)
    assert started() == ["base/0"]
    assert fates == {"base/0": State.FINISHED, "other/0": State.CHANGED}
    assert outcome_of(cells_of(path)["other/0"]).changes == (
        "its source `out/base/0` was finished 2026-01-01T00:00:00+00:00 when it began "
        "(`out/other/0.source.json`), now 2026-01-02T00:00:00+00:00",
    )
    shutil.rmtree("out/other/0")
    assert drive_plan(path)["other/0"] is State.FINISHED


def test_a_source_that_was_finished_later_than_a_run_by_hand() -> None:
    path = write_plan(seeds=[0])
    drive_plan(path, LATER)
    Path("out/other/0.source.json").unlink()
    outcome = outcome_of(cells_of(path)["other/0"])
    assert outcome.state is State.CHANGED
    later = "its source `out/base/0` was finished later, 2026-01-02T00:00:00+00:00"
    assert outcome.changes == (later,)


def test_a_damaged_result_is_named() -> None:
    path = write_plan([ROWS[0]], seeds=[0])
    drive_plan(path)
    Path("out/base/0/metrics.json").write_text("{")
    outcome = outcome_of(cells_of(path)["base/0"])
    assert outcome.state is State.CHANGED
    assert "out/base/0/metrics.json" in outcome.changes[0]


def test_an_interrupt_stops_what_is_at_work_and_the_next_call_goes_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = write_plan([ROWS[0]])
    with pytest.raises(KeyboardInterrupt):
        drive_plan(path, {"base/0": {"fate": "hangs"}}, kind=InterruptedQueue)
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["base/0 begins: `out/base/0.log`", "base/0 stopped"]
    cell = cells_of(path)["base/0"]
    assert cell.log.read_text().splitlines()[-1].startswith("[stopped after ")
    assert failure_of(cell) is None
    started()
    assert set(drive_plan(path).values()) == {State.FINISHED}
    assert started() == ["base/0 resumed", "base/1"]


def test_a_folder_in_which_a_run_is_at_work_is_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_plan([ROWS[0]], seeds=[0])
    busy = [cells_of(path)["base/0"].folder]
    monkeypatch.setattr("vtagml.benchmark.queue.is_busy", busy.__contains__)
    assert drive_plan(path) == {"base/0": State.BUSY}
    busy.clear()
    assert drive_plan(path) == {"base/0": State.FINISHED}


def test_every_process_has_a_place_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    places: list[int] = []

    def asked(processes: int, place: int) -> dict[str, str]:
        places.append(place)
        return dict(os.environ)

    monkeypatch.setattr("vtagml.launching.runner.environment", asked)
    # The first stays, and the second leaves its place to the third.
    path = write_plan([{"name": name} for name in ("a", "b", "c")], seeds=[0])
    with pytest.raises(KeyboardInterrupt):
        drive_plan(path, {"c/0": {"fate": "hangs"}, "a/0": {"fate": "hangs"}}, 2, Third)
    assert places == [0, 1, 1]


class Third(InterruptedQueue):
    """Interrupted by the third alone."""

    def goes_on(self, job: Any) -> bool:
        return job.name != "c/0" or super().goes_on(job)
