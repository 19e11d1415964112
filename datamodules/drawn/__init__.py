"""Datasets that are drawn and need no download: rooms, streets, objects, planted tasks."""

from datamodules.drawn.planted import Planted
from datamodules.drawn.scene_objects import SceneObjects
from datamodules.drawn.scenes import Scenes

__all__ = ["Planted", "SceneObjects", "Scenes"]
