"""Predictions as the files that the benchmark of Cityscapes takes."""

from datamodules.cityscapes.classes import CITYSCAPES_IDS
from datamodules.labels import ClassMap
from datamodules.predictions.codes import Classes, Metres, ids_of
from datamodules.predictions.format import EDGES, NORMALS, Encoding, PredictionFormat


def cityscapes_format(classes: ClassMap) -> PredictionFormat:
    """Label ids as the benchmark's evaluation script wants them; all else of our own making.

    - `segmentation/<name>_labelIds.png`: 8 bits, the id 0 to 33 of each pixel's class. Of a class
      that holds several of them, the first: vehicles are cars (26).
      `CITYSCAPES_RESULTS=…/submission/segmentation csEvalPixelLevelSemanticLabeling` scores them.
    - `depth/<name>_depth.png`: 16 bits, metres · 256. Not the dataset's disparity, for which the
      calibration of every image would be needed, which a test image need not have.
    - `normals/<name>_normals.png`, `edges/<name>_edges.png`.

    Args:
        classes: The label space of the predictions.
    """
    ids = ids_of(classes, CITYSCAPES_IDS, unknown=0)
    encodings = {
        "segmentation": Encoding("segmentation/{name}_labelIds.png", Classes(ids)),
        "depth": Encoding("depth/{name}_depth.png", Metres(256)),
        "normals": NORMALS,
        "edges": EDGES,
    }
    return PredictionFormat(encodings)
