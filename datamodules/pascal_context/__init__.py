"""PASCAL-Context for several tasks: photos of people and things, as the multi-task papers have it.

A `Protocol` says how the papers of one line train and evaluate: `Stretched`, `Cropped`.
"""

from datamodules.pascal_context.datamodule import PASCALContext
from datamodules.pascal_context.protocols import Cropped, Protocol, Stretched

__all__ = ["Cropped", "PASCALContext", "Protocol", "Stretched"]
