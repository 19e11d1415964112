"""Multitask dense vision with transformer adapters.

An encoder turns an image into one feature pyramid per task, a decoder turns a pyramid into a dense
map, a task turns the map into a prediction, a loss, metrics and a picture, and an affinity watches
the gradients where the tasks part. Everything else is composition.
"""

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from vtagml.door import open_when_asked

if TYPE_CHECKING:
    from vtagml.inference import load as load
    from vtagml.module import MultitaskModule as MultitaskModule
    from vtagml.network import MultitaskNetwork as MultitaskNetwork

try:
    __version__ = version("vtagml")
except PackageNotFoundError:  # run from a bare source tree, nothing is installed
    __version__ = "0+unknown"
__all__ = ["MultitaskModule", "MultitaskNetwork", "__version__", "load"]

open_when_asked(__name__)
