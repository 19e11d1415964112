"""Joint geometry of image, labels and camera: one affine map per sample, whatever the steps.

An `Affine` says where each point of the source lies in the view. Steps such as `Resize`,
`RandomZoom` or `RandomCrop` extend it, `Joint` chains them, and `warp` looks at every map of a
sample once, through the window that the view needs. What changes beside the place of a pixel
follows from the map and the camera: where the principal point goes, how normals turn.
"""

from datamodules.geometry.affine import Affine
from datamodules.geometry.crops import CentreCrop, InceptionCrop
from datamodules.geometry.steps import (
    Geometry,
    Joint,
    Pad,
    RandomCrop,
    RandomFlip,
    RandomRotation,
    RandomZoom,
    Resize,
    joined,
)
from datamodules.geometry.views import RandomView
from datamodules.geometry.warp import warp

__all__ = [
    "Affine",
    "CentreCrop",
    "Geometry",
    "InceptionCrop",
    "Joint",
    "Pad",
    "RandomCrop",
    "RandomFlip",
    "RandomRotation",
    "RandomView",
    "RandomZoom",
    "Resize",
    "joined",
    "warp",
]
