"""Objectives: what of all tasks' maps is minimised.

An objective runs the network on a batch and returns the loss of each task, which the affinity's
weights sum up, and further terms. `SumOfTasks` has a loss for every task, `HeldOut` for all but
some, whose labels it never looks at; `MixedMean` has one mean over all tasks' labels. `Adversarial`
adds discriminators to another objective: labels of a source, images of a target (Sec. 4).
`Uncertainty` weighs another's losses by the noise that it learns. `QualityRetaining` holds each
task to the scores that it gave a class before, out of a bank (`MovingAverage`, `LastTwo`). What an
objective learns itself is in its parameters.
"""

from vtagml.objectives.adversarial import Adversarial, ObservedAdversarial
from vtagml.objectives.discriminator import Discriminator
from vtagml.objectives.logit_bank import LastTwo, LogitBank, MovingAverage
from vtagml.objectives.objective import Batch, Losses, Objective, Term
from vtagml.objectives.quality_retaining import PrintedRetaining, QualityRetaining
from vtagml.objectives.sum_of_tasks import HeldOut, MixedMean, SumOfTasks
from vtagml.objectives.uncertainty import Uncertainty

__all__ = [
    "Adversarial",
    "Batch",
    "Discriminator",
    "HeldOut",
    "LastTwo",
    "LogitBank",
    "Losses",
    "MixedMean",
    "MovingAverage",
    "Objective",
    "ObservedAdversarial",
    "PrintedRetaining",
    "QualityRetaining",
    "SumOfTasks",
    "Term",
    "Uncertainty",
]
