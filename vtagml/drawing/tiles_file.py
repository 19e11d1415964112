"""Pictures of samples with their keys, as a file; a page that shows them needs no network."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vtagml.run_files import Form, check_form, parse_json, read_arrays, read_as

ABOUT, IMAGE = "about", "image"
BAR: Form = {"colours": [str], "ticks": [str]}
LEGEND: Form = [[str]]
KEYS: Form = {
    "step": int,
    "tasks": {
        str: {
            "missing": [bool],
            "legend": LEGEND,
            "bar": BAR,
            "error_legend": LEGEND,
            "error_bar": BAR,
        }
    },
}


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
    arrays = read_arrays(path)
    with read_as(path, "tiles"):
        about = parse_json(arrays.pop(ABOUT).tobytes())
        pictures = {name: _checked(each) for name, each in arrays.items()}
        if not about or IMAGE not in pictures:
            raise ValueError(f"`{IMAGE}` or what `{ABOUT}` says is missing")
    check_form(about, KEYS, path, ABOUT)
    return Tiles(pictures, about)


def _checked(pictures: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    if pictures.dtype != np.uint8 or pictures.ndim != 4 or pictures.shape[-1] != 3:
        raise ValueError(f"pictures must be bytes of three colours, found {pictures.dtype}")
    if 0 in pictures.shape:
        raise ValueError(f"pictures must have pixels, found {pictures.shape}")
    return pictures
