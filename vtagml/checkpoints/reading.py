"""Reading a checkpoint from anybody: data only, no code, and whole."""

import re
import zipfile
from pathlib import Path
from typing import Any

import torch

CLASS_NAMES = "class_names"
"""Key of a checkpoint: what the classes of each task are called."""
TASKS = "tasks"
"""Key of a checkpoint: names of the tasks, in order."""

# torch names what it refused in words that change from version to version.
_CODE = re.compile(r"unsupported (?:global: )?GLOBAL ([\w.]+)", re.IGNORECASE)


def read_checkpoint(path: Path, map_location: Any = "cpu") -> dict[str, Any]:
    """Returns what a checkpoint holds; refuses one that holds code, or that is not whole.

    A checkpoint is a pickle, which can name any function to be called while it is read. Here it
    may hold tensors, numbers, text and containers of them, nothing else.
    """
    if not path.is_file():
        raise FileNotFoundError(f"A checkpoint should be a file, found no file `{path}`.")
    path.open("rb").close()  # without the right to read it, this says so
    try:
        content = torch.load(path, map_location=map_location, weights_only=True)
        damaged = _damaged_part(path)
    except Exception as error:  # damaged files end in nearly any
        raise ValueError(_reason(path, str(error))) from error
    if damaged is not None:
        raise ValueError(_reason(path, f"its part `{damaged}` does not match its checksum"))
    if not isinstance(content, dict):
        raise ValueError(_reason(path, f"it holds a {type(content).__name__}"))
    return content


def class_names_of(path: str | Path) -> dict[str, Any]:
    """Returns what a checkpoint calls the classes of each task; nothing if it does not say."""
    try:
        # Mapped, so that of gigabytes of weights nothing is read.
        content = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
        return dict(content.get(CLASS_NAMES, {}))
    except Exception:  # of any kind: the Trainer reads the file next, and says what is wrong
        return {}


def _damaged_part(path: Path) -> str | None:
    """Returns the first part whose checksum is wrong; torch itself does not look."""
    if not zipfile.is_zipfile(path):
        return None  # torch's form before 1.6, which has no checksums
    with zipfile.ZipFile(path) as archive:
        return archive.testzip()


def _reason(path: Path, error: str) -> str:
    code = _CODE.search(error)
    if code:
        return (
            f"The checkpoint `{path}` was refused: it holds `{code[1]}`, which is not data but "
            "code that would run while the file is read. Take it as an attack unless you know who "
            "made the file; tensors alone can be handed on as safetensors."
        )
    first = (error.strip() or "it ends too early").splitlines()[0].rstrip(".")
    if first.startswith("Weights only load failed"):  # followed by advice that is unsafe
        first = "it holds more than tensors, numbers and text"
    return (
        f"The checkpoint `{path}` could not be read ({first}). It is cut off, damaged, or no "
        "checkpoint of `lightning fit`."
    )
