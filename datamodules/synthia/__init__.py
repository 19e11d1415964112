"""SYNTHIA-RAND-CITYSCAPES: rendered street scenes with the classes of Cityscapes."""

from datamodules.synthia.datamodule import Synthia

__all__ = ["Synthia"]
