"""Procedural scenes written to disk in the exact layout of a real dataset.

A `Layout` is one form of one dataset on disk: folders, file names, bit depths, class ids, camera
files. `write_scenes` draws scenes and writes them in a layout, on all cores; what it writes, the
dataset's own DataModule reads.
"""

from datamodules.writing.layout import Layout, Place
from datamodules.writing.plan import Plan, make_plan, write_scenes
from datamodules.writing.stand_ins import find_layout, stand_ins

__all__ = ["Layout", "Place", "Plan", "find_layout", "make_plan", "stand_ins", "write_scenes"]
