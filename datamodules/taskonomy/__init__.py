"""Taskonomy: images of several hundred scanned buildings, with all four tasks shipped."""

from datamodules.taskonomy.datamodule import Taskonomy

__all__ = ["Taskonomy"]
