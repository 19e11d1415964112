"""Task affinity: gradients captured where the tasks part become similarities, ω and loss weights.

A `Fork` hands one representation to N tasks and, in the ordinary backward, sums what comes back
into a `Gram` matrix. An `Affinity` observes one `Gram` per optimiser step and answers with
`similarity` (S), `omega` (ω, rows are targets, columns are sources, rows sum to one) and `weights`
(the column sums of ω, by default). `TROA` is the paper's method, `Uniform`, `Identity` and
`Shuffled` are what it must be compared with, `TAWT` is what it was built on, `PrintedTROA` is its
formula as printed, and `Fixed` brings ω from another run.

A `Weighting` leaves ω = I and weighs the losses: `GramianWeighting` by what TorchJD makes of the
Gram matrix, `GradNorm` by the lengths of the gradients and the losses, `DWA`, `FAMO` and `GLS` by
the losses alone, which an affinity is shown before it is asked for `weights`.
"""

from vtagml.affinity.affinity import Affinity
from vtagml.affinity.dwa import DWA
from vtagml.affinity.famo import FAMO
from vtagml.affinity.fixed import Fixed
from vtagml.affinity.fork import Fork, forked_pyramid, forks, take_gram, unobserved
from vtagml.affinity.gls import GLS
from vtagml.affinity.grad_norm import GradNorm
from vtagml.affinity.gram import Gram
from vtagml.affinity.gramian_weighting import GramianWeighting
from vtagml.affinity.identity import Identity
from vtagml.affinity.printed_troa import PrintedTROA
from vtagml.affinity.shuffled import Shuffled
from vtagml.affinity.statistic import Statistic, elementwise, token_summed
from vtagml.affinity.tawt import TAWT
from vtagml.affinity.transfer import AffinityState, read_state
from vtagml.affinity.troa import TROA
from vtagml.affinity.uniform import Uniform
from vtagml.affinity.weighting import LossWeighting, Weighting

__all__ = [
    "DWA",
    "FAMO",
    "GLS",
    "TAWT",
    "TROA",
    "Affinity",
    "AffinityState",
    "Fixed",
    "Fork",
    "GradNorm",
    "Gram",
    "GramianWeighting",
    "Identity",
    "LossWeighting",
    "PrintedTROA",
    "Shuffled",
    "Statistic",
    "Uniform",
    "Weighting",
    "elementwise",
    "forked_pyramid",
    "forks",
    "read_state",
    "take_gram",
    "token_summed",
    "unobserved",
]
