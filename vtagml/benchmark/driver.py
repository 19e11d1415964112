"""Runs what is missing, several cells at once if asked, and goes on whatever becomes of one."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from enum import Enum
from pathlib import Path

from vtagml.benchmark.cells import Cell
from vtagml.benchmark.process import CellProcess
from vtagml.benchmark.source_date import keep_source_date
from vtagml.benchmark.standing import State, standing
from vtagml.launching import is_busy, terminated_as_interrupted
from vtagml.run_folder import LOCK, run_lock

PAUSE = 0.2
OWN = ".benchmark"


class Fate(Enum):
    """What became of a cell in one call."""

    FINISHED = "finished"
    FAILED = "failed"
    CHANGED = "was made otherwise than the plan says"
    BUSY = "is at work in another process"
    WITHOUT_SOURCE = "lacks its source"
    STOPPED = "stopped"


OF_STATE = {State.FINISHED: Fate.FINISHED, State.CHANGED: Fate.CHANGED}


class Watcher:
    """Who is told what happens; this one keeps it for itself."""

    def began(self, cell: Cell, resumed: bool) -> None:
        """A cell has begun."""

    def ended(self, cell: Cell, fate: Fate, seconds: float) -> None:
        """A cell has ended, or was found not to be run."""

    def waits(self, waiting: Sequence[Cell], working: dict[Cell, float]) -> None:
        """Time has passed."""


class Driver:
    """Runs the cells that are not finished, sources first.

    Args:
        cells: Those to finish, each after its source.
        watcher: Is told.
        processes: How many run at once.
        command: What stands before a cell's words, by default this environment's command line.
    """

    def __init__(
        self,
        cells: Sequence[Cell],
        watcher: Watcher,
        processes: int = 1,
        command: Sequence[str] | None = None,
    ) -> None:
        self.cells, self.watcher, self.processes = cells, watcher, processes
        self.command = command
        self.fates: dict[Cell, Fate] = {}
        self._working: dict[Cell, CellProcess] = {}

    def run(self) -> dict[Cell, Fate]:
        """Runs until every cell has its fate.

        Raises:
            KeyboardInterrupt: Ctrl-C or SIGTERM; what was at work has stopped with a checkpoint.
        """
        with terminated_as_interrupted():
            try:
                while len(self.fates) < len(self.cells):
                    self._start()
                    self._collect()
            except BaseException:
                self._stop()
                raise
        return self.fates

    @property
    def waiting(self) -> list[Cell]:
        """Cells that neither work nor have a fate, in their order."""
        return [each for each in self.cells if each not in self.fates and each not in self._working]

    def _start(self) -> None:
        for cell in self.waiting:
            if len(self._working) == self.processes:
                return
            if cell.source is not None and self._is_to_come(cell.source):
                continue
            if (fate := self._before(cell)) is not None:
                self._end(cell, fate, 0.0)
            else:
                self._begin(cell)

    def _is_to_come(self, source: Cell) -> bool:
        return source in self.cells and source not in self.fates

    def _before(self, cell: Cell) -> Fate | None:
        """The fate that a cell has without being run."""
        if (fate := OF_STATE.get(standing(cell).state)) is not None:
            return fate
        if cell.source is not None and standing(cell.source).state is not State.FINISHED:
            return Fate.WITHOUT_SOURCE
        return Fate.BUSY if is_busy(cell.folder) else None

    def _begin(self, cell: Cell) -> None:
        resume = standing(cell).state is State.BROKEN_OFF
        if not resume:
            keep_source_date(cell)
        taken = [process.place for process in self._working.values()]
        place = next(number for number in range(self.processes) if number not in taken)
        self._working[cell] = CellProcess(cell, resume, self.processes, place, self.command)
        self.watcher.began(cell, resume)

    def _collect(self) -> None:
        if not self._working:
            return
        time.sleep(PAUSE)
        self.watcher.waits(self.waiting, {cell: at.seconds for cell, at in self._working.items()})
        for cell, process in list(self._working.items()):
            if (status := process.ended()) is not None:
                del self._working[cell]
                left = OF_STATE.get(standing(cell).state, Fate.FAILED)
                self._end(cell, left if status == 0 else Fate.FAILED, process.seconds)

    def _end(self, cell: Cell, fate: Fate, seconds: float) -> None:
        self.fates[cell] = fate
        self.watcher.ended(cell, fate, seconds)

    def _stop(self) -> None:
        """Asks all to stop and waits for them; another Ctrl-C ends them at once."""
        try:
            for process in self._working.values():
                process.ask_to_stop()
            for process in self._working.values():
                process.stopped()
        except KeyboardInterrupt:
            for process in self._working.values():
                process.kill()
                process.stopped()
        for cell, process in self._working.items():
            self._end(cell, Fate.STOPPED, process.seconds)
        self._working.clear()


@contextmanager
def only_driver(out: Path) -> Iterator[None]:
    """Keeps a second driver out of a benchmark's folder while the block lasts."""
    own = out / OWN
    with ExitStack() as held:
        try:
            held.enter_context(run_lock(own))
        except ValueError:
            owner = (own / LOCK).read_text(encoding="utf-8", errors="replace")
            raise ValueError(
                f"`--out` must be a folder in which no other benchmark is at work, in `{out}` is "
                f"{owner}: wait for it, or give another folder."
            ) from None
        yield
