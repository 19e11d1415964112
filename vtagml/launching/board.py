"""What people see of jobs: a bar over all, and lines for each that begins or ends."""

from collections.abc import Sequence

from rich import get_console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


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
            TextColumn("left: {task.fields[left]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self.bar.add_task("", total=total, left="unknown")

    def show(self, names: Sequence[str], left: str) -> None:
        """Shows what is at work, and how long the rest will take."""
        self.bar.update(self._task, description=", ".join(names), left=left)

    def advance(self, *lines: str) -> None:
        """Counts a job as done, with what there is to say about it."""
        self.bar.update(self._task, advance=1)
        self.say(*lines)

    def say(self, *lines: str) -> None:
        for line in lines:
            self.bar.console.print(line, soft_wrap=True, markup=False, highlight=False)
