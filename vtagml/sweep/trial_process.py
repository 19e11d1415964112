"""One trial: the command itself, in a process of its own, watched through the log of its run."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from vtagml.report.logs import read_logs

PROGRAM = "import sys; from vtagml.cli import main; sys.argv[0] = 'lightning'; main()"
SECONDS_BETWEEN_LOOKS = 0.5
SECONDS_TO_STOP = 120.0  # A run asked to stop ends after its step, with a checkpoint.
LINES_OF_FAILURE = 5


class TrialFailed(Exception):
    """A trial that ended without a number; the message says why."""


class TrialProcess:
    """Runs a command and gives the metric's values while it lasts.

    The process shares nothing with this one: a trial that is killed for its memory ends alone.
    Its words on the terminal go to a file beside its run folder.

    Args:
        words: What follows `lightning`.
        folder: The run folder that the words name.
        metric: What its validations log.
    """

    def __init__(self, words: Sequence[str], folder: Path, metric: str) -> None:
        self.folder, self.metric = folder, metric
        self.said = folder.with_name(f"{folder.name}.log")
        self._before: Mapping[int, float] = {}
        folder.parent.mkdir(parents=True, exist_ok=True)
        with self.said.open("ab") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, *words],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is the sweep's, which then stops the trial itself.
            )

    def runs(self) -> bool:
        """Waits a moment, and returns whether the trial still runs."""
        try:
            self.process.wait(SECONDS_BETWEEN_LOOKS)
        except subprocess.TimeoutExpired:
            return True
        return False

    def news(self) -> Mapping[int, float]:
        """Returns the metric by step as far as it is certain: the same in two looks running.

        A file that is just being written may end in the middle of a number.
        """
        seen = self._curve()
        certain = {step: value for step, value in seen.items() if self._before.get(step) == value}
        self._before = seen
        return certain

    def result(self) -> Mapping[int, float]:
        """Returns the metric by step of a trial that has ended."""
        if self.process.returncode:
            raise TrialFailed(f"exit status {self.process.returncode}: {self._last_words()}")
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
        """Asks the trial to stop, and ends it where it does not."""
        if self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            pass
        finally:  # also when somebody is tired of waiting
            self.process.kill()
            self.process.wait()

    def _curve(self) -> Mapping[int, float]:
        try:
            return read_logs(self.folder).get(self.metric, {})
        except ValueError:  # half a line, while it is being written
            return {}

    def _last_words(self) -> str:
        lines = self.said.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return "\n".join(lines[-LINES_OF_FAILURE:])
