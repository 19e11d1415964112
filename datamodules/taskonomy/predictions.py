"""Predictions as Taskonomy's own files."""

import re

import numpy as np

from datamodules.predictions.codes import Classes, Metres, Normals, Shares
from datamodules.predictions.format import Encode, Encoding, PredictionFormat
from datamodules.taskonomy.classes import TASKONOMY_17
from datamodules.taskonomy.reader import STEP_EDGE

VIEW = re.compile(r"(?P<building>.+)_(?P<view>point_\d+_view_\d+)")


def taskonomy_format() -> PredictionFormat:
    """As the dataset's own files, in the flat one of its trees.

    - `segment_semantic/<building>/<view>_domain_segmentsemantic.png`: 8 bits, the class 1 to 17.
    - `depth_zbuffer/…_depth_zbuffer.png`: 16 bits, 1/512 m; 65535, unknown, is not used.
    - `normal/…_normal.png`: 8-bit RGB, 127.5 · (n + 1).
    - `edge_texture/…_edge_texture.png`: 16 bits, on the scale of the dataset.
    """
    ids = np.arange(1, len(TASKONOMY_17.labels.names) + 1, dtype=np.uint8)
    path = "{domain}/{{building}}/{{view}}_domain_{ending}.png"
    encoders: dict[str, tuple[str, str, Encode]] = {
        "segmentation": ("segment_semantic", "segmentsemantic", Classes(ids)),
        "depth": ("depth_zbuffer", "depth_zbuffer", Metres(512, farthest=65534)),
        "normals": ("normal", "normal", Normals()),
        "edges": ("edge_texture", "edge_texture", Shares(round(65535 * STEP_EDGE))),
    }
    encodings = {
        task: Encoding(path.format(domain=domain, ending=ending), encode)
        for task, (domain, ending, encode) in encoders.items()
    }
    return PredictionFormat(encodings, pattern=VIEW)
