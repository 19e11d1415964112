"""Predictions as Taskonomy's own files."""

import re

import numpy as np

from datamodules.predictions.codes import Classes, Metres, Normals, Shares
from datamodules.predictions.format import Encode, Encoding, PredictionFormat
from datamodules.taskonomy.classes import TASKONOMY_17
from datamodules.taskonomy.reader import CODES_PER_METRE, DOMAINS, LARGEST_CODE, NO_DEPTH, STEP_EDGE

VIEW = re.compile(r"(?P<building>.+)_(?P<view>point_\d+_view_\d+)")


def taskonomy_format() -> PredictionFormat:
    """As the dataset's own files, in the flat one of its trees.

    - `segment_semantic/<building>/<view>_domain_segmentsemantic.png`: 8 bits, the class 1 to 17.
    - `depth_zbuffer/…_depth_zbuffer.png`: 16 bits, 1/512 m; 65535, unknown, is not used.
    - `normal/…_normal.png`: 8-bit RGB, 127.5 · (n + 1).
    - `edge_texture/…_edge_texture.png`: 16 bits, on the scale of the dataset.
    """
    ids = np.arange(1, len(TASKONOMY_17.labels.names) + 1, dtype=np.uint8)
    encoders: dict[str, Encode] = {
        "segmentation": Classes(ids),
        "depth": Metres(CODES_PER_METRE, farthest=NO_DEPTH - 1),
        "normals": Normals(),
        "edges": Shares(round(LARGEST_CODE * STEP_EDGE)),
    }
    encodings = {
        task: Encoding(f"{domain}/{{building}}/{{view}}_domain_{ending}", encoders[task])
        for task, (domain, ending) in DOMAINS.items()
    }
    return PredictionFormat(encodings, pattern=VIEW)
