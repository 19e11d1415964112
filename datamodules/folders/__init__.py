"""Data of one's own: folders of images and labels, and photos alone to predict on."""

from datamodules.folders.datamodule import Folders
from datamodules.folders.image_folder import ImageFolder

__all__ = ["Folders", "ImageFolder"]
