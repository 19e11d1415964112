"""A progress bar that starts no thread, so that processes may be started beside it."""

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Item = TypeVar("Item")

SECONDS_BETWEEN_DRAWINGS = 0.1


def tracked(items: Iterable[Item], title: str, total: int, start: int = 0) -> Iterator[Item]:
    """Yield the items, and draw on the terminal how many of `total` there have been.

    Args:
        items: Those that are still to come.
        title: What is going on.
        total: All items, those before `start` included.
        start: How many were done before.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    # A thread that draws could hold a lock at the moment in which a worker process is forked.
    with Progress(*columns, TimeRemainingColumn(), auto_refresh=False) as progress:
        bar = progress.add_task(title, total=total, completed=start)
        drawn = time.monotonic()
        for item in items:
            yield item
            progress.advance(bar)
            if time.monotonic() - drawn > SECONDS_BETWEEN_DRAWINGS:
                progress.refresh()
                drawn = time.monotonic()
        progress.refresh()
