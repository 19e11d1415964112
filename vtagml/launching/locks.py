"""Who is at work in a folder."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from vtagml.run_folder import LOCK, run_lock


def is_busy(folder: Path) -> bool:
    """Whether a run is in a folder now, started by whomever."""
    if not (folder / LOCK).is_file():
        return False
    try:
        with run_lock(folder):
            return False
    except ValueError:
        return True


@contextmanager
def only_runner(out: Path) -> Iterator[None]:
    """Keeps a second runner out of a folder while the block lasts."""
    with ExitStack() as held:
        try:
            held.enter_context(run_lock(out))
        except ValueError:
            owner = (out / LOCK).read_text(encoding="utf-8", errors="replace")
            raise ValueError(
                f"`--out` must be a folder in which nobody else is at work, in `{out}` is {owner}: "
                "wait for it, or give another folder."
            ) from None
        yield
