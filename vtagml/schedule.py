"""Learning-rate schedules of the papers: warm-up and a cosine to zero, or a line to zero."""

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


class WarmupCosine(LambdaLR):
    """Rises linearly over the first steps, then falls along half a cosine.

    Args:
        optimizer: Whose learning rates are scaled.
        steps: Optimiser steps of the whole training.
        warmup: The share of `steps` that rises.
        final: The share of the learning rate that is left at the end.
    """

    def __init__(
        self, optimizer: Optimizer, steps: int, warmup: float = 0.1, final: float = 0.0
    ) -> None:
        if not 0 <= warmup < 1:
            raise ValueError(f"`warmup` must be a share in [0, 1), found {warmup}.")
        rising = round(warmup * steps)

        def scale(step: int) -> float:
            if step < rising:
                return (step + 1) / rising
            progress = min(1.0, (step - rising) / max(1, steps - rising))
            return final + (1 - final) * 0.5 * (1 + math.cos(math.pi * progress))

        super().__init__(optimizer, scale)


class LinearDecay(LambdaLR):
    """Falls along a line, as VMT-Adapter's does.

    Args:
        optimizer: Whose learning rates are scaled.
        steps: Optimiser steps of the whole training.
        final: The share of the learning rate that is left at the end.
    """

    def __init__(self, optimizer: Optimizer, steps: int, final: float = 0.0) -> None:
        if not 0 <= final <= 1:
            raise ValueError(f"`final` must be a share in [0, 1], found {final}.")

        def scale(step: int) -> float:
            return 1 - (1 - final) * min(1.0, step / max(1, steps))

        super().__init__(optimizer, scale)
