"""Predictions as the files of PASCAL-Context's multi-task variant."""

import numpy as np

from datamodules.pascal_context.classes import PARTS, PASCAL_21
from datamodules.predictions.codes import Classes, Normals, Shares
from datamodules.predictions.format import Encoding, PredictionFormat


def pascal_context_format(axes: tuple[int, int, int]) -> PredictionFormat:
    """As the archives have their labels; what these keep in MATLAB files is pictures here.

    - `semseg/VOC12/<id>.png`: 8 bits, the class 0 to 20, as PASCAL VOC's server takes them.
    - `human_parts/<id>.png`: 8 bits, the part 0 to 6.
    - `sal_distill/<id>.png`: 8 bits, 1/255.
    - `normals_distill/<id>.png`: 8-bit RGB, 127.5 · (n + 1) in the axes of the archives.
    - `edge/<id>.png`: 8 bits, 1/255, as SEISM reads them.

    Args:
        axes: Signs that turn the archives' axes into x right, y down, z into the scene, and back.
    """
    classes, parts = (np.arange(len(labels.names), dtype=np.uint8) for labels in (PASCAL_21, PARTS))
    return PredictionFormat(
        {
            "segmentation": Encoding("semseg/VOC12/{name}.png", Classes(classes)),
            "human_parts": Encoding("human_parts/{name}.png", Classes(parts)),
            "saliency": Encoding("sal_distill/{name}.png", Shares(255)),
            "normals": Encoding("normals_distill/{name}.png", Normals(axes)),
            "edges": Encoding("edge/{name}.png", Shares(255)),
        }
    )
