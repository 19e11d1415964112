"""Predictions as files in the formats of the datasets.

A `PredictionFormat` says for each task where a sample's prediction goes and which integers stand
for it; `DenseDataModule.prediction_format` is a dataset's own. Predictions come in the units of
the labels at the size of the image on disk, which `NativeSize` lets a sample remember.
"""

from datamodules.predictions.codes import Classes, Equal, Metres, Normals, Shares, ids_of
from datamodules.predictions.datasets import (
    cityscapes_format,
    folders_format,
    nyudv2_format,
    synthia_format,
    taskonomy_format,
    vkitti2_format,
)
from datamodules.predictions.format import Encoding, PredictionFormat
from datamodules.predictions.native import FitInside, LabelsOnDisk, NativeSize

__all__ = [
    "Classes",
    "Encoding",
    "Equal",
    "FitInside",
    "LabelsOnDisk",
    "Metres",
    "NativeSize",
    "Normals",
    "PredictionFormat",
    "Shares",
    "cityscapes_format",
    "folders_format",
    "ids_of",
    "nyudv2_format",
    "synthia_format",
    "taskonomy_format",
    "vkitti2_format",
]
