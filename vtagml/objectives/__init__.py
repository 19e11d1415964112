"""Objectives: what of all tasks' maps is minimised.

An objective runs the network on a batch and returns the loss of each task, which the affinity's
weights sum up, and further terms. `SumOfTasks` has a loss for every task, `HeldOut` for all but
some, whose labels it never looks at. `Adversarial` adds discriminators to another objective: labels
of a source, images of a target (Sec. 4). `Uncertainty` weighs another's losses by the noise that it
learns. What an objective learns itself is in its parameters.
"""

from vtagml.objectives.adversarial import Adversarial, ObservedAdversarial
from vtagml.objectives.discriminator import Discriminator
from vtagml.objectives.objective import Batch, Losses, Objective, Term
from vtagml.objectives.sum_of_tasks import HeldOut, SumOfTasks
from vtagml.objectives.uncertainty import Uncertainty

__all__ = [
    "Adversarial",
    "Batch",
    "Discriminator",
    "HeldOut",
    "Losses",
    "Objective",
    "ObservedAdversarial",
    "SumOfTasks",
    "Term",
    "Uncertainty",
]
