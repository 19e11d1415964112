"""Pictures of samples with their keys, as a file; a page that shows them needs no network."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

ABOUT = "about"


@dataclass(frozen=True)
class Tiles:
    """Pictures of a few samples.

    Attributes:
        pictures: `image`, and `<task>/truth`, `<task>/prediction`, `<task>/error`, `<task>/key`
            as far as a task has them: bytes as [sample, height, width, 3].
        about: `step`, and for each of the `tasks` its `legend`, `bar`, `error_legend`, `error_bar`
            and of which samples the label is `missing`.
    """

    pictures: Mapping[str, npt.NDArray[np.uint8]]
    about: Mapping[str, Any]


def tiles_file(made: Tiles) -> bytes:
    """Returns tiles as an `.npz` file, which `numpy.load` opens."""
    file = BytesIO()
    about = json.dumps(made.about, ensure_ascii=False).encode()
    arrays: dict[str, Any] = {ABOUT: np.frombuffer(about, np.uint8), **made.pictures}
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def read_tiles(path: Path) -> Tiles:
    """Reads a file of tiles; a damaged one is a ValueError that says so."""
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            about = json.loads(file[ABOUT].tobytes())
            pictures = {name: file[name] for name in file.files if name != ABOUT}
        return Tiles({name: _checked(each) for name, each in pictures.items()}, about)
    except (BadZipFile, KeyError, EOFError, ValueError) as error:
        raise ValueError(
            f"`{path}` is damaged and cannot be read as tiles ({error}): test the run again."
        ) from None


def _checked(pictures: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    if pictures.dtype != np.uint8 or pictures.ndim != 4 or pictures.shape[-1] != 3:
        raise ValueError(f"pictures must be bytes of three colours, found {pictures.dtype}")
    return pictures
