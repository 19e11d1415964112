"""One cell as a process of its own, with its log."""

from collections.abc import Sequence

from vtagml.benchmark.cells import Cell, shown
from vtagml.benchmark.standing import BEGINNING
from vtagml.launching import OwnProcess, environment, launcher


class CellProcess(OwnProcess):
    """A cell at work; its log says how it ended.

    Args:
        cell: What to run.
        resume: Whether from its own checkpoint.
        processes: How many run at once.
        place: Which of them this is.
        command: What stands before the words, by default this environment's command line.
    """

    def __init__(
        self,
        cell: Cell,
        resume: bool,
        processes: int,
        place: int,
        command: Sequence[str] | None = None,
    ) -> None:
        words = cell.words(resume)
        super().__init__(
            [*(launcher() if command is None else command), *words],
            cell.log,
            environment(processes, place),
            f"{BEGINNING}{shown(words)}",
        )
        self.place = place

    def ended(self) -> int | None:
        status = super().ended()
        if status is not None:
            self.note(f"[ended with status {status} after {self.seconds:.0f} s]")
        return status

    def stopped(self) -> None:
        """Waits for the end of one that was asked to stop, or killed."""
        self.wait()
        self.note(f"[stopped after {self.seconds:.0f} s]")
