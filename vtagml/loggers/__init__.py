"""Loggers that know the run folder: CSV, TensorBoard, Weights & Biases.

Lightning's own, put into the folder of the run by the command line, so that a config names no
folder: `--trainer.logger vtagml.loggers.Wandb`, or `--config experiments/loggers/wandb.yaml`.
"""

from typing import TYPE_CHECKING

from vtagml.door import open_when_asked

if TYPE_CHECKING:
    from vtagml.loggers.csv_log import CSV as CSV
    from vtagml.loggers.run_logger import RunLogger as RunLogger
    from vtagml.loggers.run_logger import loggers_of_a_run as loggers_of_a_run
    from vtagml.loggers.tensorboard import TensorBoard as TensorBoard
    from vtagml.loggers.wandb import Wandb as Wandb

open_when_asked(__name__)
