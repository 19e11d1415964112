"""Predictions as files in the formats of the datasets.

A `PredictionFormat` says for each task where a sample's prediction goes and which integers stand
for it; `DenseDataModule.prediction_format` is a dataset's own. Where a dataset ships a task, its
predictions have the folders, names and codes of its labels, so that its tools read them, and a
reader here trains on them. What it does not ship is kept as Taskonomy keeps it.

Predictions come in the units of the labels at the size of the image on disk, which `NativeSize`
lets a sample remember.
"""

from datamodules.predictions.codes import Classes, Metres, Normals, Shares
from datamodules.predictions.format import Encoding, PredictionFormat
from datamodules.predictions.native import FitInside, LabelsOnDisk, NativeSize

__all__ = [
    "Classes",
    "Encoding",
    "FitInside",
    "LabelsOnDisk",
    "Metres",
    "NativeSize",
    "Normals",
    "PredictionFormat",
    "Shares",
]
