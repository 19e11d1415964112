"""Datasets of images with labels of several tasks, as Lightning DataModules.

One folder per dataset. All share one base with loaders, seeds and augmentation, and one form of
sample: `image`, `name`, `camera`, and the task names as keys; metres, unit normals, train ids;
NaN or 255 where unknown. This package knows nothing of networks, and opens alone in a notebook.

`Scenes` and `SceneObjects` are drawn, and so is `Planted`, whose tasks have known relations;
`Cityscapes`, `NYUDv2`, `PASCALContext`, `Synthia`, `Taskonomy` and `VKITTI2` are read from the
folders that their archives unpack to, and so are those of whole-image classes, `Aircraft`, `CUB`,
`Flowers`, `StanfordCars` and `VTAB1k`. `Folders` reads images and labels of one's own. `Adaptation`
pairs two of them, `Mixture` concatenates some whose images have classes of different tasks.
"""

from datamodules.adaptation import Adaptation
from datamodules.aircraft.datamodule import Aircraft
from datamodules.base import DenseDataModule
from datamodules.cityscapes.datamodule import Cityscapes
from datamodules.classified import ClassifiedImages
from datamodules.cub.datamodule import CUB
from datamodules.derive import NORMALS_FROM_DEPTH, SOBEL_EDGES, Derivation, normals_from_depth
from datamodules.disk.images import UnreadableFileError
from datamodules.drawn.planted import Planted
from datamodules.drawn.scene_objects import SceneObjects
from datamodules.drawn.scenes import Scenes
from datamodules.edges import sobel_edges
from datamodules.files import DatasetNotFoundError, FileDataModule
from datamodules.flowers.datamodule import Flowers
from datamodules.folders.datamodule import Folders
from datamodules.folders.image_folder import ImageFolder
from datamodules.geometry import (
    Affine,
    CentreCrop,
    InceptionCrop,
    Pad,
    RandomCrop,
    RandomFlip,
    RandomRotation,
    RandomView,
    RandomZoom,
    Resize,
    warp,
)
from datamodules.labels import IGNORE, ClassMap, Labels, LabelSpace
from datamodules.mixture import Mixture
from datamodules.nyudv2 import NYUDv2
from datamodules.pascal_context import PASCALContext
from datamodules.photometric import Photometric
from datamodules.samples import Source
from datamodules.stanford_cars.datamodule import StanfordCars
from datamodules.synthia.datamodule import Synthia
from datamodules.taskonomy.datamodule import Taskonomy
from datamodules.transforms import Transform
from datamodules.vkitti2.datamodule import VKITTI2
from datamodules.vtab1k.datamodule import VTAB1k

__all__ = [
    "IGNORE",
    "NORMALS_FROM_DEPTH",
    "SOBEL_EDGES",
    "Adaptation",
    "Affine",
    "Aircraft",
    "CUB",
    "CentreCrop",
    "Cityscapes",
    "ClassMap",
    "ClassifiedImages",
    "DatasetNotFoundError",
    "DenseDataModule",
    "Derivation",
    "FileDataModule",
    "Flowers",
    "Folders",
    "ImageFolder",
    "InceptionCrop",
    "LabelSpace",
    "Labels",
    "Mixture",
    "NYUDv2",
    "PASCALContext",
    "Pad",
    "Photometric",
    "Planted",
    "RandomCrop",
    "RandomFlip",
    "RandomRotation",
    "RandomView",
    "RandomZoom",
    "Resize",
    "SceneObjects",
    "Scenes",
    "Source",
    "StanfordCars",
    "Synthia",
    "Taskonomy",
    "Transform",
    "UnreadableFileError",
    "VKITTI2",
    "VTAB1k",
    "normals_from_depth",
    "sobel_edges",
    "warp",
]
