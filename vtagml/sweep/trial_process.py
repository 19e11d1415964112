"""One trial: the command itself, in a process of its own, watched through the log of its run."""

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from vtagml.launching import OwnProcess, launcher
from vtagml.report.logs import read_logs

SECONDS_BETWEEN_LOOKS = 0.5
SECONDS_TO_STOP = 120.0  # A run asked to stop ends after its step, with a checkpoint.
LINES_OF_FAILURE = 5


class TrialFailed(Exception):
    """A trial that ended without a number; the message says why."""


class TrialDiverged(TrialFailed):
    """A trial whose metric is no finite number: its values are to blame, and would be again."""


class TrialProcess:
    """Runs a command and gives the metric's values while it lasts.

    Its words on the terminal go to a file beside its run folder. What it logs at W&B stays in its
    run folder, unless `WANDB_MODE` says otherwise: a local sweep needs no server and asks nothing.

    Args:
        words: What follows `lightning`.
        folder: The run folder that the words name.
        metric: What its validations log.
    """

    def __init__(self, words: Sequence[str], folder: Path, metric: str) -> None:
        self.folder, self.metric = folder, metric
        self.said = folder.with_name(f"{folder.name}.log")
        self._before: Mapping[int, float] = {}
        variables = {"WANDB_MODE": "offline"} | dict(os.environ)
        self.process = OwnProcess([*launcher(), *words], self.said, variables)

    def runs(self) -> bool:
        """Waits a moment, and returns whether the trial still runs."""
        return not self.process.wait(SECONDS_BETWEEN_LOOKS)

    def news(self) -> Mapping[int, float]:
        """Returns the metric by step as far as it is certain: the same in two looks running.

        A file that is just being written may end in the middle of a number. After a step that is
        not certain nothing is, so that the number of validations stays right.
        """
        seen, before = self._curve(), self._before
        self._before = seen
        certain: dict[int, float] = {}
        for step, value in seen.items():
            if step not in before or not same(value, before[step]):
                break
            certain[step] = value
        return certain

    def result(self) -> Mapping[int, float]:
        """Returns the metric by step of a trial that has ended."""
        status = self.process.ended()
        if status:
            raise TrialFailed(f"exit status {status}: {self._last_words()}")
        curve = self._curve()
        if not curve:
            raise TrialFailed(
                f"no `{self.metric}` in `{self.folder / 'logs'}`: no validation was done, or no "
                "CSV was logged"
            )
        return curve

    def metrics(self) -> dict[str, float]:
        """Returns the last value of everything that validations logged."""
        logs = read_logs(self.folder)
        return {key: list(curve.values())[-1] for key, curve in logs.items() if key[:4] == "val/"}

    def stop(self) -> None:
        """Asks the trial to stop, and ends it with its workers where it does not."""
        stopped = self.process.ended() is not None
        try:
            if not stopped:
                self.process.ask_to_stop()
                stopped = self.process.wait(SECONDS_TO_STOP)
        finally:  # also when somebody is tired of waiting
            if not stopped:
                self.process.kill()

    def _curve(self) -> Mapping[int, float]:
        try:
            return read_logs(self.folder).get(self.metric, {})
        except ValueError:  # half a line, while it is being written
            return {}

    def _last_words(self) -> str:
        lines = self.said.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return "\n".join(lines[-LINES_OF_FAILURE:])


def same(one: float, other: float) -> bool:
    """Whether two readings are one number; what is no number is itself."""
    return one == other or (math.isnan(one) and math.isnan(other))
