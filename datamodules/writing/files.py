"""Files that appear whole or not at all, in every format that the datasets use."""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import scipy.io
from jaxtyping import UInt8

from datamodules.disk.images import write_png
from datamodules.disk.unfinished import write_whole

JPEG_QUALITY = 95
MATLAB_HEADER = 116
"""So many bytes of text open a file of MATLAB 5; SciPy writes the time there."""


def save(file: Path, content: Any) -> None:
    """Write an array, a text or a JSON object in the format that the file's name asks for."""
    if file.suffix == ".png":
        write_png(file, content)
    else:
        write_whole(file, _ENCODERS[file.suffix](content))


def structs(fields: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> np.ndarray:
    """A row of MATLAB's structs; a matrix of 0 x 0 if there are none."""
    if not rows:
        return np.zeros((0, 0))
    array = np.empty((1, len(rows)), [(field, object) for field in fields])
    for place, row in enumerate(rows):
        array[0, place] = row
    return array


def _jpeg(image: UInt8[np.ndarray, "height width 3"]) -> bytes:
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def _matlab(variables: Mapping[str, Any]) -> bytes:
    buffer = io.BytesIO()
    scipy.io.savemat(buffer, dict(variables), do_compression=True)
    return b"MATLAB 5.0 MAT-file".ljust(MATLAB_HEADER) + buffer.getvalue()[MATLAB_HEADER:]


_ENCODERS: Mapping[str, Callable[[Any], bytes]] = {
    ".jpg": _jpeg,
    ".npy": _npy,
    ".mat": _matlab,
    ".json": lambda content: (json.dumps(content, indent=4) + "\n").encode(),
    ".txt": str.encode,
}
