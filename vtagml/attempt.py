"""What a run can do without: its failure is one warning."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


class Attempt:
    """Turns the failure of something that a run can do without into one warning.

    Use as `with attempt():`; later failures are silent, later successes welcome.

    Args:
        what: The part that fails, as the warning names it.
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self.failed = False

    @contextmanager
    def __call__(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if not self.failed:
                self.failed = True
                warnings.warn(
                    f"{self.what} could not be made and the run goes on without it; this is said "
                    f"only once. {type(error).__name__}: {error}",
                    stacklevel=3,
                )
