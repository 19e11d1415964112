"""Tunings: what of a pre-trained backbone learns.

A tuning changes a backbone in place: it freezes what stays, puts in what is new and says what
trains. `Full` and `Frozen` are the ends; `BitFit` and `RelativeBias` train a few numbers that are
there already; `LoRA` adds a low-rank product to attention's matrices, `LoRAEverywhere` to all of a
block, and `SingularValues` stretches their spectra; `MoEfied` makes experts of feed-forward
networks and routes between them, `MoEfiedLoRA` with products, too; `BottleneckAdapter` stands
behind blocks, `HoulsbyAdapter` and `LowRankAdapter` in their residual branches. Each starts as
exactly the pre-trained backbone, but for what routers weigh. How tasks share a tuned backbone is
the encoder's business.
"""

from vtagml.tuning.bitfit import BitFit
from vtagml.tuning.bottleneck_adapter import BottleneckAdapter
from vtagml.tuning.frozen import Frozen
from vtagml.tuning.full import Full
from vtagml.tuning.houlsby_adapter import HoulsbyAdapter
from vtagml.tuning.lora import LoRA
from vtagml.tuning.lora_everywhere import LoRAEverywhere
from vtagml.tuning.low_rank_adapter import LowRankAdapter
from vtagml.tuning.moefied import MoEfied
from vtagml.tuning.moefied_lora import (
    IndependentMoEfiedLoRA,
    MoEfiedLoRA,
    ReleasedMoEfiedLoRA,
)
from vtagml.tuning.relative_bias import RelativeBias
from vtagml.tuning.singular_values import SingularValues
from vtagml.tuning.tuning import Tuning

__all__ = [
    "BitFit",
    "BottleneckAdapter",
    "Frozen",
    "Full",
    "HoulsbyAdapter",
    "IndependentMoEfiedLoRA",
    "LoRA",
    "LoRAEverywhere",
    "LowRankAdapter",
    "MoEfied",
    "MoEfiedLoRA",
    "RelativeBias",
    "ReleasedMoEfiedLoRA",
    "SingularValues",
    "Tuning",
]
