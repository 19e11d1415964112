"""Encoders: how tasks run through a backbone, from an image to one feature pyramid per task.

`Shared` is one stream for all tasks, `Separate` one for each with what trains of its own; what
trains is a tuning's word (`vtagml.tuning`). `VTAGML` is the paper's: vision adapters on a frozen
backbone, conditioned by task affinity, all streams folded into one batch; `SideVTAGML` is wired
beside the backbone, which runs once for all tasks and without gradient; `MixedVTAGML` and
`MixedSideVTAGML` average features by ω instead of embeddings. `VMT` is VMT-Adapter:
one stream, and features of each task beside it. `Hyperformer`, `Polyhistor` and `PolyhistorLite`
generate the weights of adapters, for every task and block. `Progressive` shares what trains early
and parts late, by groups of tasks that a `Grouping` names or a measured S makes. `LastBlocks` is
MTLoRA's form: one stream, and the last block of each stage once more for each task; `TADFormer` has
prompts and filters there. `TaskPrompter` lets prompts run through a ViT and ask for tasks' maps.
"""

from vtagml.encoders.encoder import Encoder
from vtagml.encoders.generated import Generated
from vtagml.encoders.grouping import Grouping, MeasuredGroups, NamedGroups, OneThenAll
from vtagml.encoders.hyperformer import Hyperformer
from vtagml.encoders.last_blocks import LastBlocks
from vtagml.encoders.mixed import MixedSideVTAGML, MixedVTAGML
from vtagml.encoders.polyhistor import Polyhistor
from vtagml.encoders.polyhistor_lite import PolyhistorLite
from vtagml.encoders.progressive import Progressive
from vtagml.encoders.separate import Separate
from vtagml.encoders.shared import Shared
from vtagml.encoders.side_vtagml import SideVTAGML
from vtagml.encoders.tadformer import TADFormer
from vtagml.encoders.task_prompter import TaskPrompter
from vtagml.encoders.tuned import Tuned
from vtagml.encoders.vmt import VMT
from vtagml.encoders.vtagml import VTAGML

__all__ = [
    "VMT",
    "VTAGML",
    "Encoder",
    "Generated",
    "Grouping",
    "Hyperformer",
    "LastBlocks",
    "MeasuredGroups",
    "MixedSideVTAGML",
    "MixedVTAGML",
    "NamedGroups",
    "OneThenAll",
    "Polyhistor",
    "PolyhistorLite",
    "Progressive",
    "Separate",
    "Shared",
    "SideVTAGML",
    "TADFormer",
    "TaskPrompter",
    "Tuned",
]
