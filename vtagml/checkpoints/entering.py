"""How a command enters a run's folder, and leaves it as it was if nothing comes of it."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vtagml.checkpoints.earlier_run import put_back, set_aside
from vtagml.checkpoints.run_lock import run_lock
from vtagml.checkpoints.whole_file import remove_partial_files
from vtagml.run_folder import CHECKPOINTS, LOCK, MARK, RunFolder


@contextmanager
def fit_in(
    root: Path, checkpoints: Path, fresh: bool, has_begun: Callable[[], bool]
) -> Iterator[None]:
    """Keeps a folder for one fit; a fresh one finds nothing of an earlier run in it.

    A fit that ends before its first step takes back all that it did: what it wrote, the folders
    that it made, the earlier run that it moved.

    Args:
        root: The run's folder.
        checkpoints: Where its checkpoints go.
        fresh: Whether a new run begins there, or an earlier one goes on.
        has_begun: Whether a step has been made.
    """
    folder = RunFolder(root)
    folder.check()
    if fresh:
        _check_checkpoints(checkpoints, root)
    with _made(root), run_lock(root):
        was_marked = folder.is_marked
        for place in (root.glob, *((root / name).rglob for name in folder.written)):
            remove_partial_files(place(".*"))
        earlier = set_aside(folder) if fresh else None
        all_is_ours = fresh or not was_marked
        try:
            folder.mark()
            yield
        except BaseException:
            if all_is_ours and not has_begun():
                folder.clear()
                if earlier is not None:
                    put_back(earlier, folder)
                elif not was_marked:
                    (root / MARK).unlink(missing_ok=True)
                    (root / LOCK).unlink()
            raise


@contextmanager
def evaluation_in(root: Path) -> Iterator[None]:
    """Lets an evaluation write into a run's folder, new or not; a fit may be at work there."""
    folder = RunFolder(root)
    folder.check()
    with _made(root):
        was_marked = folder.is_marked
        folder.mark()
        try:
            yield
        except BaseException:
            if not was_marked and not folder.written:
                (root / MARK).unlink()
            raise


@contextmanager
def _made(root: Path) -> Iterator[None]:
    """Makes a folder; after an error, those that it made are removed as far as they are empty."""
    new = [each for each in (root, *root.parents) if not os.path.lexists(each)]
    try:
        root.mkdir(parents=True, exist_ok=True)
        if not os.access(root, os.W_OK):
            raise PermissionError(
                "`--trainer.default_root_dir` must be a folder that can be written to, found "
                f"`{root}`, which cannot: give another."
            )
        yield
    except BaseException:
        for each in new:
            with suppress(OSError):
                each.rmdir()
        raise


def _check_checkpoints(checkpoints: Path, root: Path) -> None:
    """Checkpoints elsewhere than in the run's folder do not move away with an earlier run."""
    if checkpoints.resolve() == (root / CHECKPOINTS).resolve():
        return
    if any(checkpoints.glob("*.ckpt")):
        raise ValueError(
            "`--checkpoint.dirpath` must be a folder without the checkpoints of another run, found "
            f"some in `{checkpoints}`: give another, or go on from them with `--ckpt_path last`."
        )
