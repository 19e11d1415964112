"""Unsupervised domain adaptation: labels of a source, images of a target (Sec. 4).

A discriminator per task looks at the network's output and learns to tell the two domains apart;
the network learns the tasks on the source, and to make its outputs on the target look the same.
"""

from vtagml.domain_adaptation.adversarial import Adversarial, ObservedAdversarial
from vtagml.domain_adaptation.discriminator import Discriminator
from vtagml.domain_adaptation.discriminators import Discriminators

__all__ = [
    "Adversarial",
    "Discriminator",
    "Discriminators",
    "ObservedAdversarial",
]
