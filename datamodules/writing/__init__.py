"""Procedural scenes written to disk in the exact layout of a real dataset.

A `Layout` is one form of one dataset on disk: folders, file names, bit depths, class ids, camera
files. `make_plan` says which scenes; the `Plan` draws and writes them in a layout, on all cores,
for the dataset's own DataModule to read.
"""

from datamodules.writing.layout import Layout, Place
from datamodules.writing.plan import Plan, make_plan
from datamodules.writing.stand_ins import find_layout, stand_ins

__all__ = ["Layout", "Place", "Plan", "find_layout", "make_plan", "stand_ins"]
