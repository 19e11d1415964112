"""Predictions as the files of Virtual KITTI 2."""

import re

import numpy as np

from datamodules.labels import ClassMap
from datamodules.predictions.codes import Classes, Metres, ids_of
from datamodules.predictions.format import EDGES, NORMALS, Encoding, PredictionFormat
from datamodules.vkitti2.classes import COLOURS, UNDEFINED

FRAME = re.compile(
    r"(?P<scene>Scene\d\d)_(?P<variation>[^_]+)_(?P<camera>Camera_\d)_(?P<frame>\d{5})"
)


def vkitti2_format(classes: ClassMap) -> PredictionFormat:
    """As the dataset's own files, in the folders of its archives.

    - `<drive>/classSegmentation/<camera>/classgt_<frame>.png`: 8-bit RGB, the class's colour.
    - `<drive>/depth/<camera>/depth_<frame>.png`: 16 bits, centimetres; 65535, the sky, is not
      used.
    - `normals/<name>_normals.png`, `edges/<name>_edges.png`.

    Args:
        classes: The label space of the predictions.
    """
    names = list(COLOURS)
    ids = ids_of(classes, dict(enumerate(names)), unknown=names.index(UNDEFINED))
    colours = np.array(list(COLOURS.values()), np.uint8)
    segmentation = "{scene}/{variation}/frames/classSegmentation/{camera}/classgt_{frame}.png"
    depth = "{scene}/{variation}/frames/depth/{camera}/depth_{frame}.png"
    encodings = {
        "segmentation": Encoding(segmentation, Classes(colours[ids])),
        "depth": Encoding(depth, Metres(100, farthest=65534)),
        "normals": NORMALS,
        "edges": EDGES,
    }
    return PredictionFormat(encodings, pattern=FRAME)
