"""Predictions as SYNTHIA's own files."""

import numpy as np
from jaxtyping import Float, UInt16

from datamodules.labels import ClassMap
from datamodules.predictions.codes import Classes, Metres, ids_of
from datamodules.predictions.format import EDGES, NORMALS, Encoding, PredictionFormat
from datamodules.synthia.classes import SYNTHIA_IDS
from datamodules.synthia.reader import CODES_PER_METRE


def synthia_format(classes: ClassMap) -> PredictionFormat:
    """As the dataset's own files.

    - `GT/LABELS/<name>.png`: 16-bit RGB, the class id in red, no instances in green.
    - `Depth/<name>.png`: 16-bit RGB, centimetres in all channels.
    - `normals/<name>_normals.png`, `edges/<name>_edges.png`.

    Args:
        classes: The label space of the predictions.
    """
    ids = ids_of(classes, SYNTHIA_IDS, unknown=0)
    codes = np.zeros((len(ids), 3), np.uint16)
    codes[:, 0] = ids
    encodings = {
        "segmentation": Encoding("GT/LABELS/{name}.png", Classes(codes)),
        "depth": Encoding("Depth/{name}.png", _grey_centimetres),
        "normals": NORMALS,
        "edges": EDGES,
    }
    return PredictionFormat(encodings)


def _grey_centimetres(
    depth: Float[np.ndarray, "height width"],
) -> UInt16[np.ndarray, "height width 3"]:
    return np.repeat(Metres(CODES_PER_METRE)(depth)[..., None], 3, axis=2)
