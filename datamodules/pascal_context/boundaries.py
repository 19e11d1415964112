"""Boundaries of labelled regions, as the papers on PASCAL-Context make them."""

import cv2
import numpy as np
from jaxtyping import Float32, UInt16


def boundaries(regions: UInt16[np.ndarray, "height width"]) -> Float32[np.ndarray, "height width"]:
    """1 on lines of one pixel between regions of different ids, 0 elsewhere.

    Where the Laplacian of the ids is not 0, thinned by the algorithm of Guo and Hall, of which
    scikit-image has the one well-kept form in Python (OpenCV's own is not in its usual packages).

    Note:
        As in the field, which takes ids for numbers: a strip of one pixel between the ids k - d and
        k + d, whose id is k, has no Laplacian and so no boundary.
    """
    from skimage.morphology import thin  # takes half a second, and few need it

    bends = cv2.Laplacian(regions.astype(np.float64), cv2.CV_64F)
    return thin(bends != 0).astype(np.float32)
