"""Datasets of images with labels of several tasks, as Lightning DataModules.

One file per dataset. All share one base with loaders, seeds and augmentation, and one form of
sample: `image`, `name`, `camera`, and the task names as keys; metres, unit normals, train ids;
NaN or 255 where unknown. This package knows nothing of networks, and opens alone in a notebook.
"""

from datamodules.base import DenseDataModule
from datamodules.edges import sobel_edges
from datamodules.labels import IGNORE, Labels
from datamodules.photometric import Photometric
from datamodules.samples import Source
from datamodules.scene_objects import SceneObjects
from datamodules.scenes import Scenes
from datamodules.transforms import HorizontalFlip, RandomResizedCrop, Transform

__all__ = [
    "IGNORE",
    "DenseDataModule",
    "HorizontalFlip",
    "Labels",
    "Photometric",
    "RandomResizedCrop",
    "SceneObjects",
    "Scenes",
    "Source",
    "Transform",
    "sobel_edges",
]
