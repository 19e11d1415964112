"""Virtual KITTI 2: five rendered street scenes in ten variations, seen by two cameras."""

from datamodules.vkitti2.datamodule import VKITTI2

__all__ = ["VKITTI2"]
