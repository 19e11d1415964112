"""Files of a run: whole or not there at all, and numbers that JSON can hold."""

import json
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lightning import Trainer
from torch import Tensor

from vtagml.checkpoints.whole_file import write_whole
from vtagml.run_folder import RunFolder


def keep(trainer: Trainer, name: str, content: bytes) -> None:
    """Writes a file in the run's folder; a `fast_dev_run` leaves nothing there."""
    if not getattr(trainer, "fast_dev_run", False):
        RunFolder(Path(trainer.default_root_dir)).claim(name)
        write_whole(Path(trainer.default_root_dir) / name, content)


def to_json(value: Any) -> bytes:
    """Returns a value as JSON, with null for what is not a finite number."""
    text = json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False)
    # Names of files may hold bytes that are no text: JSON has a way to write those down.
    return (text + "\n").encode(errors="backslashreplace")


def plain(value: Any) -> Any:
    """Turns tensors, paths and other objects into what JSON knows."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Tensor):
        return plain(value.detach().cpu().tolist())
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, Sequence | set | frozenset):
        return [plain(each) for each in value]
    return str(value)


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
