"""The update of target-aware weighted training, on which TROA builds."""

from collections.abc import Sequence

from vtagml.affinity.troa import TROA


class TAWT(TROA):
    """Mirror descent without regularisation, in few and far updates (Chen et al., ICLR 2022).

    TAWT updates its weights once per epoch, a handful of times in a run, and that alone keeps them
    from collapsing. Set `every` to the optimiser steps of one epoch.

    Note:
        TAWT weights sources for one target, with gradients of the shared parameters; here each
        task in turn is the target, and the gradients are those at the fork.

    Args:
        tasks: Names of the tasks.
        kappa: Step size of the mirror descent.
        start: Observed steps before the first window is opened.
        every: Steps between two updates; their mean cosine is used.
    """

    def __init__(
        self, tasks: Sequence[str], kappa: float = 1.0, start: int = 0, every: int = 1000
    ) -> None:
        super().__init__(tasks, kappa=kappa, rho=0.0, start=start, every=every)
