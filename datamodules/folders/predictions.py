"""Predictions as the labels of folders of one's own."""

import re
from collections.abc import Sequence

import numpy as np

from datamodules.predictions.codes import Classes, Metres, Normals, Shares
from datamodules.predictions.format import Encode, Encoding, PredictionFormat

SAMPLE = re.compile(r"(?P<split>[^/]+)/(?P<path>.+)")


def folders_format(
    ids: Sequence[int], depth_unit: float, axes: tuple[int, int, int]
) -> PredictionFormat:
    """As `datamodules.Folders` reads labels.

    - `<split>/segmentation/<name>.png`: 8 bits, or 16 if an id needs them; of a class of several
      ids the first.
    - `<split>/depth/<name>.png`: 16 bits, in the labels' steps; 0, unknown, is not used.
    - `<split>/normals/<name>.png`: 8-bit RGB, 127.5 · (n + 1) in the labels' axes.
    - `<split>/edges/<name>.png`: 16 bits.

    Args:
        ids: Of each class.
        depth_unit: Metres of one step of depth.
        axes: Signs that turn the labels' axes into x right, y down, z into the scene, and back.
    """
    codes = np.array(ids, np.uint8 if max(ids, default=0) < 256 else np.uint16)
    encoders: dict[str, Encode] = {
        "segmentation": Classes(codes),
        "depth": Metres(1 / depth_unit),
        "normals": Normals(axes),
        "edges": Shares(),
    }
    encodings = {
        task: Encoding(f"{{split}}/{task}/{{path}}.png", encode)
        for task, encode in encoders.items()
    }
    return PredictionFormat(encodings, pattern=SAMPLE)
