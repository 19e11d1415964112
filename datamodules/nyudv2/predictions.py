"""Predictions as the files of the multi-task trees of NYUDv2."""

import numpy as np

from datamodules.labels import LabelSpace
from datamodules.predictions.codes import Classes, Metres, Normals, Shares
from datamodules.predictions.format import Encoding, PredictionFormat


def nyudv2_format(space: LabelSpace, axes: tuple[int, int, int]) -> PredictionFormat:
    """As the multi-task trees have it, with depth as a picture.

    - `segmentation/<name>.png`: 8 bits, the class of the label space from 1 on; of 13 classes as in
      the archives `nyuv2_…_class13`.
    - `depth/<name>.png`: 16 bits, millimetres; the trees have `.npy` there.
    - `normals/<name>.png`: 8-bit RGB, 127.5 · (n + 1) in the axes of the trees.
    - `edge/<name>.png`: 8 bits, 1/255.

    Args:
        space: The label space of the predictions.
        axes: Signs that turn the trees' axes into x right, y down, z into the scene, and back.
    """
    ids = np.arange(1, len(space.labels.names) + 1, dtype=np.uint8)
    encodings = {
        "segmentation": Encoding("segmentation/{name}.png", Classes(ids)),
        "depth": Encoding("depth/{name}.png", Metres(1000)),
        "normals": Encoding("normals/{name}.png", Normals(axes)),
        "edges": Encoding("edge/{name}.png", Shares(255)),
    }
    return PredictionFormat(encodings)
