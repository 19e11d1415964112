"""The commands that are no training and no evaluation of an experiment.

`check` and `prepare` take the same config as `fit`, with every key checked, and build only `data`;
`export` builds only the model. `report` and `scenes` need no config, and neither do `predict` on a
folder of one's own images and `export` of a whole network, which read the config beside the
checkpoint. `benchmark` starts other commands, as a plan says. `vtagml.cli` dispatches here.
"""

from vtagml.commands.benchmark import run_benchmark
from vtagml.commands.data import DataOnly, Load, run_check, run_prepare, run_scenes
from vtagml.commands.export import ModelOnly, Trained, run_export
from vtagml.commands.messages import fail, one_message
from vtagml.commands.output import lasting_output
from vtagml.commands.own_images import asks_for_images, run_images
from vtagml.commands.report import run_report
from vtagml.commands.sweep import ConfigOnly, run_sweep
from vtagml.commands.usage import USAGE, usage

__all__ = [
    "ConfigOnly",
    "DataOnly",
    "Load",
    "ModelOnly",
    "Trained",
    "USAGE",
    "asks_for_images",
    "fail",
    "lasting_output",
    "one_message",
    "run_benchmark",
    "run_check",
    "run_export",
    "run_images",
    "run_prepare",
    "run_report",
    "run_scenes",
    "run_sweep",
    "usage",
]
