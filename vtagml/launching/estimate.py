"""How long the rest will take, from what was done so far."""

import math
from collections.abc import Iterable, Sequence

ANY = "any"


class Estimate:
    """Guesses the seconds of jobs: the mean of their narrowest kind of which some is known."""

    def __init__(self) -> None:
        self._known: dict[str, list[float]] = {}

    def learn(self, kinds: Sequence[str], seconds: float) -> None:
        """Takes note of how long a job took."""
        for kind in (*kinds, ANY):
            self._known.setdefault(kind, []).append(seconds)

    def of(self, kinds: Sequence[str]) -> float:
        """The seconds a job takes; NaN while nothing is known."""
        known = next((self._known[kind] for kind in (*kinds, ANY) if kind in self._known), None)
        return sum(known) / len(known) if known else math.nan

    def remaining(
        self,
        waiting: Iterable[Sequence[str]],
        working: Iterable[tuple[Sequence[str], float]],
        processes: int,
    ) -> float:
        """The seconds until all are done, at the same pace.

        Args:
            waiting: The kinds of jobs that have not begun.
            working: Those of jobs at work, and for how long they have been.
            processes: How many work at once.
        """
        left = [max(0.0, self.of(kinds) - since) for kinds, since in working]
        whole = [self.of(kinds) for kinds in waiting]
        # Neither faster than the longest, nor than all shared among the processes.
        return max([sum(left + whole) / processes, *left, *whole], default=0.0)


def duration(seconds: float) -> str:
    """Returns hours, minutes or seconds, as `1 h 05 min`; `unknown` for NaN."""
    if math.isnan(seconds):
        return "unknown"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
