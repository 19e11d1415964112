"""How a command enters a run's folder, and leaves it as it was if nothing comes of it."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vtagml.run_folder.earlier_run import put_back, set_aside
from vtagml.run_folder.folder import RunFolder
from vtagml.run_folder.lock import LOCK, run_lock
from vtagml.run_folder.whole_file import remove_partial_files


@contextmanager
def fit_in(
    folder: RunFolder, checkpoints: Path, fresh: bool, has_begun: Callable[[], bool]
) -> Iterator[None]:
    """Keeps a folder for one fit; a fresh one finds nothing of an earlier run in it.

    A fit that ends before its first step takes back all that it did: what it wrote, the folders
    that it made, the earlier run that it moved.

    Args:
        folder: The run's.
        checkpoints: Where its checkpoints go.
        fresh: Whether a new run begins there, or an earlier one goes on.
        has_begun: Whether a step has been made.
    """
    folder.check()
    if fresh:
        _check_checkpoints(checkpoints, folder)
    with _made(folder.path), run_lock(folder.path):
        was_marked = folder.is_marked
        _remove_unfinished(folder)
        earlier = set_aside(folder) if fresh else None
        try:
            folder.mark()
            yield
        except BaseException:
            if (fresh or not was_marked) and not has_begun():
                folder.clear()
                if earlier is not None:
                    put_back(earlier, folder)
                elif not was_marked:
                    folder.unmark()
                    (folder.path / LOCK).unlink()
            raise


@contextmanager
def evaluation_in(folder: RunFolder) -> Iterator[None]:
    """Lets an evaluation write into a run's folder, new or not; a fit may be at work there."""
    folder.check()
    with _made(folder.path):
        was_marked = folder.is_marked
        folder.mark()
        try:
            yield
        except BaseException:
            if not was_marked and not folder.written:
                folder.unmark()
            raise


@contextmanager
def _made(root: Path) -> Iterator[None]:
    """Makes a folder; after an error, those that it made are removed as far as they are empty."""
    new = [place for place in (root, *root.parents) if not os.path.lexists(place)]
    try:
        root.mkdir(parents=True, exist_ok=True)
        if not os.access(root, os.W_OK):
            raise PermissionError(
                "`--trainer.default_root_dir` must be a folder that can be written to, found "
                f"`{root}`, which cannot: give another."
            )
        yield
    except BaseException:
        for place in new:
            with suppress(OSError):
                place.rmdir()
        raise


def _remove_unfinished(folder: RunFolder) -> None:
    """Removes what a killed run was writing: of the user's folders none is looked into."""
    remove_partial_files(folder.path.glob(".*"))
    for name in folder.written:
        remove_partial_files((folder.path / name).rglob(".*"))


def _check_checkpoints(checkpoints: Path, folder: RunFolder) -> None:
    """Checkpoints elsewhere than in the run's folder do not move away with an earlier run."""
    if checkpoints.resolve() == folder.checkpoints.resolve():
        return
    if any(checkpoints.glob("*.ckpt")):
        raise ValueError(
            "`--checkpoint.dirpath` must be a folder without the checkpoints of another run, found "
            f"some in `{checkpoints}`: give another, or go on from them with `--ckpt_path last`."
        )
