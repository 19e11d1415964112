import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.benchmark_plans.plans import ROWS, Notes, cells_of, stand_in, started, write_plan
from vtagml.benchmark import Driver, Fate, State, standing
from vtagml.benchmark.driver import only_driver
from vtagml.run_folder import LOCK

HOLD = """
import fcntl, sys
file = open(sys.argv[1], "a+b")
fcntl.lockf(file, fcntl.LOCK_EX)
print("locked", flush=True)
sys.stdin.read()
"""


def drive(
    path: Path,
    fates: Mapping[str, Any] | None = None,
    processes: int = 1,
    notes: Notes | None = None,
) -> dict[str, Fate]:
    cells = list(cells_of(path).values())
    driver = Driver(cells, notes or Notes(), processes, stand_in(fates))
    return {cell.name: fate for cell, fate in driver.run().items()}


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vtagml.benchmark.driver.PAUSE", 0.01)


@pytest.mark.parametrize("processes", [1, 3])
def test_all_cells_run_once_and_sources_first(processes: int) -> None:
    path = write_plan(seeds=[0, 1])
    fates = drive(path, processes=processes)
    assert set(fates.values()) == {Fate.FINISHED}
    order = started()
    assert sorted(order) == ["base/0", "base/1", "other/0", "other/1"]
    assert order.index("base/0") < order.index("other/0")
    assert order.index("base/1") < order.index("other/1")
    notes = Notes()
    drive(path, processes=processes, notes=notes)
    assert started() == []
    assert {said for _, said in notes.said} == {"finished"}


def test_a_failed_cell_leaves_its_log_and_the_others_go_on() -> None:
    path = write_plan()
    fates = drive(path, {"base/0": {"fate": "fails"}})
    assert fates == {
        "base/0": Fate.FAILED,
        "other/0": Fate.WITHOUT_SOURCE,
        "base/1": Fate.FINISHED,
        "other/1": Fate.FINISHED,
    }
    cell = cells_of(path)["base/0"]
    said = standing(cell).failure
    assert said is not None
    assert said.splitlines()[1] == "error: no luck"
    assert "[ended with status 3 after 0 s]" in said
    assert "lightning fit" not in said
    assert cell.log.read_text().startswith("$ lightning fit --config scenes.yaml")
    started()
    assert set(drive(path).values()) == {Fate.FINISHED}
    assert started() == ["base/0", "other/0"]
    assert standing(cell).failure is None


def test_a_run_that_leaves_nothing_has_failed() -> None:
    fates = drive(write_plan([ROWS[0]], seeds=[0]), {"base/0": {"fate": "leaves nothing"}})
    assert fates == {"base/0": Fate.FAILED}


def test_a_broken_off_cell_goes_on_from_its_checkpoint() -> None:
    path = write_plan([ROWS[0]], seeds=[0])
    drive(path)
    cell = cells_of(path)["base/0"]
    (cell.folder / "metrics.json").unlink()
    assert standing(cell).state is State.BROKEN_OFF
    started()
    notes = Notes()
    assert drive(path, notes=notes) == {"base/0": Fate.FINISHED}
    assert started() == ["base/0 resumed"]
    assert notes.said[0] == ("base/0", "resumed")


def test_one_without_a_checkpoint_begins_again() -> None:
    path = write_plan([ROWS[0]], seeds=[0])
    drive(path)
    folder = cells_of(path)["base/0"].folder
    (folder / "metrics.json").unlink()
    (folder / "checkpoints" / "last.ckpt").unlink()
    started()
    assert drive(path) == {"base/0": Fate.FINISHED}
    assert started() == ["base/0"]


@pytest.mark.parametrize("finished", [True, False])
def test_what_was_made_otherwise_is_left_alone(finished: bool) -> None:
    drive(write_plan(seeds=[0]))
    other = write_plan([{**ROWS[0], "overrides": {"data.val": 7}}, ROWS[1]], seeds=[0])
    if not finished:
        Path("out/base/0/metrics.json").unlink()
        Path("out/other/0/metrics.json").unlink()
    started()
    fates = drive(other)
    assert fates["base/0"] is Fate.CHANGED
    assert fates["other/0"] is Fate.CHANGED
    assert started() == []
    assert standing(cells_of(other)["other/0"]).why == (
        "its source `out/base/0` was made otherwise: data.val: 100 in the run, 7 in the plan",
    )
    said = standing(cells_of(other)["base/0"])
    assert said.why == ("data.val: 100 in the run, 7 in the plan",)


LATER: dict[str, Any] = {"base/0": {"date": "2026-01-02T00:00:00+00:00"}}


@pytest.mark.parametrize("finished", [True, False])
def test_a_source_that_was_run_anew_since_a_row_began(finished: bool) -> None:
    path = write_plan(seeds=[0])
    # The source is finished anew while the other, which started from the first, is broken off.
    drive(path, {"other/0": {"date": "2026-01-03T00:00:00+00:00"}})
    if not finished:
        Path("out/other/0/metrics.json").unlink()
    shutil.rmtree("out/base/0")
    started()
    fates = drive(path, LATER)
    assert started() == ["base/0"]
    assert fates == {"base/0": Fate.FINISHED, "other/0": Fate.CHANGED}
    said = standing(cells_of(path)["other/0"])
    assert said.why == (
        "its source `out/base/0` was finished 2026-01-01T00:00:00+00:00 when it began "
        "(`out/other/0.source.json`), now 2026-01-02T00:00:00+00:00",
    )
    shutil.rmtree("out/other/0")
    assert drive(path)["other/0"] is Fate.FINISHED


def test_a_source_that_was_finished_later_than_a_run_by_hand() -> None:
    path = write_plan(seeds=[0])
    drive(path, LATER)
    Path("out/other/0.source.json").unlink()
    said = standing(cells_of(path)["other/0"])
    assert said.state is State.CHANGED
    assert said.why == ("its source `out/base/0` was finished later, 2026-01-02T00:00:00+00:00",)


def test_a_damaged_result_is_named() -> None:
    path = write_plan([ROWS[0]], seeds=[0])
    drive(path)
    Path("out/base/0/metrics.json").write_text("{")
    said = standing(cells_of(path)["base/0"])
    assert said.state is State.CHANGED
    assert "damaged" in said.why[0]


def test_an_interrupt_stops_what_is_at_work_and_the_next_call_goes_on() -> None:
    path = write_plan([ROWS[0]])
    notes = Notes(interrupts_in="base/0")
    with pytest.raises(KeyboardInterrupt):
        drive(path, {"base/0": {"fate": "hangs"}}, notes=notes)
    assert notes.said == [("base/0", "began"), ("base/0", "stopped")]
    cell = cells_of(path)["base/0"]
    assert cell.log.read_text().endswith("\n[stopped after 0 s]\n")
    assert standing(cell).failure is None
    started()
    assert set(drive(path).values()) == {Fate.FINISHED}
    assert started() == ["base/0 resumed", "base/1"]


def test_being_terminated_is_an_interrupt() -> None:
    before = signal.getsignal(signal.SIGTERM)
    driver = Driver(list(cells_of(write_plan([ROWS[0]])).values()), Notes(), 1, stand_in())
    killed = threading.Timer(0.0, os.kill, [os.getpid(), signal.SIGTERM])

    def begin(*_: object) -> None:
        killed.start()
        killed.join()

    driver.watcher.began = begin  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        driver.run()
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_folder_in_which_a_run_is_at_work_is_left_to_it() -> None:
    path = write_plan([ROWS[0]], seeds=[0])
    folder = cells_of(path)["base/0"].folder
    folder.mkdir(parents=True)
    command = [sys.executable, "-S", "-c", HOLD, str(folder / LOCK)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert drive(path) == {"base/0": Fate.BUSY}
        holder.communicate(b"")
    assert drive(path) == {"base/0": Fate.FINISHED}


def test_a_second_driver_is_refused() -> None:
    own = Path("out/.benchmark")
    own.mkdir(parents=True)
    command = [sys.executable, "-S", "-c", HOLD, str(own / LOCK)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        (own / LOCK).write_text("process 7 on here")
        with (
            pytest.raises(ValueError, match=r"in `out` is process 7 on here: wait for it"),
            only_driver(Path("out")),
        ):
            pass
        holder.communicate(b"")


def test_an_error_within_the_block_stays_itself() -> None:
    with pytest.raises(ValueError, match="own"), only_driver(Path("out")):
        raise ValueError("own")


def test_every_process_has_a_place_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    places: list[int] = []

    def asked(processes: int, place: int) -> dict[str, str]:
        places.append(place)
        return dict(os.environ)

    monkeypatch.setattr("vtagml.benchmark.process.environment", asked)
    rows = [{**ROWS[0], "name": name} for name in ("a", "b", "c")]
    # The first two stay, and the one that ends leaves its place to the next.
    path = write_plan(rows, seeds=[0])
    with pytest.raises(KeyboardInterrupt):
        drive(path, {"a/0": {"fate": "hangs"}, "c/0": {"fate": "hangs"}}, 2, Notes("c/0"))
    assert places == [0, 1, 1]
