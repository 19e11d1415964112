"""Files that appear whole or not at all, in every format that the datasets use."""

import io
import json
from collections.abc import Callable, Mapping
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
    suffix = file.suffix
    if suffix not in _WRITERS:
        raise ValueError(f"`file` should end in one of {sorted(_WRITERS)}, found `{file}`.")
    _WRITERS[suffix](file, content)


def write_jpeg(file: Path, image: UInt8[np.ndarray, "height width 3"]) -> None:
    """Write an RGB image as a JPEG of quality 95; makes missing folders."""
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
    write_whole(file, encoded.tobytes())


def _write_npy(file: Path, array: np.ndarray) -> None:
    buffer = io.BytesIO()
    np.save(buffer, array)
    write_whole(file, buffer.getvalue())


def _write_json(file: Path, content: Mapping[str, Any]) -> None:
    write_whole(file, (json.dumps(content, indent=4) + "\n").encode())


def _write_matlab(file: Path, variables: Mapping[str, Any]) -> None:
    buffer = io.BytesIO()
    scipy.io.savemat(buffer, dict(variables), do_compression=True)
    data = buffer.getvalue()
    write_whole(file, b"MATLAB 5.0 MAT-file".ljust(MATLAB_HEADER) + data[MATLAB_HEADER:])


def _write_text(file: Path, text: str) -> None:
    write_whole(file, text.encode())


_WRITERS: Mapping[str, Callable[[Path, Any], None]] = {
    ".png": write_png,
    ".jpg": write_jpeg,
    ".npy": _write_npy,
    ".mat": _write_matlab,
    ".json": _write_json,
    ".txt": _write_text,
}
