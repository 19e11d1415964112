"""A decoder turns a feature pyramid into a map for one task (Sec. 3.3).

Every decoder splits into a trunk, which mixes the four levels, and a linear head, so that tasks
may have decoders of their own (`PerTask`), one trunk with a head each (`Shared`), or all the same
scores (`OneHead`). The Swin decoder is VTAGML's, All-MLP and HRNetV2's are VMT-Adapter's, the
convolutional ones are light enough for a CPU, and the linear ones serve classification and probes.
`FineLevels` gives any of them maps of the image itself, where a backbone has nothing finer than its
patches. None of them mixes the images of a batch: the gradients that TROA captures per image stay
exact. A decoder of one task and its loss are a branch, which can be differentiated before the next
one runs (`in_turn`): the gradients are the same, activations of one branch lie in memory.
"""

from vtagml.decoders.all_mlp import AllMLP
from vtagml.decoders.branches import in_turn, together
from vtagml.decoders.conv_decoder import ConvDecoder, DeepConvDecoder
from vtagml.decoders.decoder import Decoder
from vtagml.decoders.decoders import Decoders, LossOfMaps, OneHead, PerTask, Shared
from vtagml.decoders.fine_levels import FineLevels
from vtagml.decoders.high_resolution import HighResolution
from vtagml.decoders.pooled import PlainSummaryLinear, PooledLinear, SummaryLinear
from vtagml.decoders.swin_decoder import PlainSwinDecoder, SwinDecoder

__all__ = [
    "AllMLP",
    "ConvDecoder",
    "Decoder",
    "Decoders",
    "DeepConvDecoder",
    "FineLevels",
    "HighResolution",
    "LossOfMaps",
    "OneHead",
    "PerTask",
    "PlainSummaryLinear",
    "PlainSwinDecoder",
    "PooledLinear",
    "Shared",
    "SummaryLinear",
    "SwinDecoder",
    "in_turn",
    "together",
]
