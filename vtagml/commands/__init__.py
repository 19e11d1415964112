"""The commands that are no training and no evaluation of an experiment.

`check` and `prepare` take the same config as `fit`, with every key checked, and build only `data`;
`export` builds only the model. `scenes` needs no config, and neither does `predict` on a folder of
one's own images, which reads the config beside the checkpoint. `vtagml.cli` dispatches here.
"""

from vtagml.commands.data import DataOnly, Load, run_check, run_prepare, run_scenes
from vtagml.commands.export import ModelOnly, Trained, run_export
from vtagml.commands.own_images import asks_for_images, run_images
from vtagml.commands.usage import (
    USAGE,
    USAGE_OF_CHECK,
    USAGE_OF_COMMAND,
    USAGE_OF_EXPORT,
    USAGE_OF_PREPARE,
)

__all__ = [
    "DataOnly",
    "Load",
    "ModelOnly",
    "Trained",
    "USAGE",
    "USAGE_OF_CHECK",
    "USAGE_OF_COMMAND",
    "USAGE_OF_EXPORT",
    "USAGE_OF_PREPARE",
    "asks_for_images",
    "run_check",
    "run_export",
    "run_images",
    "run_prepare",
    "run_scenes",
]
