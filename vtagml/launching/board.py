"""What people see of jobs: a bar over all, and lines for each that begins or ends."""

from collections.abc import Sequence

from rich import get_console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

MONTH = 30 * 24 * 3600.0  # Jobs take hours: all that ended tell how long the rest will take.


class Board:
    """Shows progress; where there is no terminal, only the lines.

    Args:
        total: How many jobs there are.
    """

    def __init__(self, total: int) -> None:
        console = get_console()
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left:"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            speed_estimate_period=MONTH,
        )
        self._task = self.bar.add_task("", total=total)

    def show(self, names: Sequence[str]) -> None:
        """Shows what is at work."""
        self.bar.update(self._task, description=", ".join(names))

    def advance(self, *lines: str) -> None:
        """Counts a job as done, with what there is to say about it."""
        self.bar.update(self._task, advance=1)
        self.say(*lines)

    def say(self, *lines: str) -> None:
        for line in lines:
            self.bar.console.print(line, soft_wrap=True, markup=False, highlight=False)
