"""Vision adapters (VTAGML, Sec. 3.2): small networks that make a frozen block depend on the task.

A `VisionAdapter` starts as exactly the frozen block it sits on; `LiteralVisionAdapter` is wired as
the paper's Fig. 3. Both are made of task-adapted attention (TAA, whose term A' has three layouts:
`BlockDiagonalBias`, `FullBias`, `PerHeadBias`), task-scaled norms (TSN, with Eq. 4 as printed in
`LiteralTaskScaledNorm`) and a bottleneck, and are conditioned by a `TaskEmbedding` through `FiLM`;
`NoBias`, `CommonNorm` and `SkiplessVisionAdapter` do without TAA, TSN and skips.
`SideBlock` and `SideAdapter` stand beside frozen blocks, which run once for all tasks: the one is
all tasks' narrow copy of a block, the other what a task has of its own.
`VMTAdapter` stands beside a feed-forward network and serves all tasks in one pass. A `HyperNetwork`
generates the weights of bottlenecks, for every task and block. `TaskPrompts` and `DynamicFilter`
are TADFormer's: they weigh features and filter them. `TaskMap` and `Windows` are TaskPrompter's: a
task's map of patches that its prompt weighed.
`FrozenBlock` is how they see the block of timm: Swin V2, Swin or ViT.
"""

from vtagml.adapters.attention_bias import (
    AttentionBias,
    BlockDiagonalBias,
    FullBias,
    ModulatedBias,
    NoBias,
    PerHeadBias,
)
from vtagml.adapters.bottleneck import Bottleneck
from vtagml.adapters.dynamic_filter import DynamicFilter
from vtagml.adapters.film import FiLM
from vtagml.adapters.frozen_block import FrozenBlock
from vtagml.adapters.frozen_families import frozen_block
from vtagml.adapters.generated_bottleneck import (
    BottleneckWeights,
    FixedWeights,
    generated_bottleneck,
)
from vtagml.adapters.hypernetwork import DecomposedGenerator, Generator, HyperNetwork
from vtagml.adapters.scaled_hypernetwork import ScaledHyperNetwork
from vtagml.adapters.side_adapter import SideAdapter, SideBlock
from vtagml.adapters.side_attention import SideAttention, TaskSideAttention
from vtagml.adapters.task_adapted_attention import TaskAdaptedAttention
from vtagml.adapters.task_embedding import TaskEmbedding
from vtagml.adapters.task_map import TaskMap
from vtagml.adapters.task_prompts import TaskPrompts
from vtagml.adapters.task_scaled_norm import CommonNorm, LiteralTaskScaledNorm, TaskScaledNorm
from vtagml.adapters.vision_adapter import (
    Adapter,
    LiteralVisionAdapter,
    SkiplessVisionAdapter,
    VisionAdapter,
)
from vtagml.adapters.vmt_adapter import FoldedVMTAdapter, VMTAdapter, VMTAdapterLite
from vtagml.adapters.windows import Windows

__all__ = [
    "Adapter",
    "AttentionBias",
    "BlockDiagonalBias",
    "Bottleneck",
    "BottleneckWeights",
    "CommonNorm",
    "DecomposedGenerator",
    "DynamicFilter",
    "FiLM",
    "FixedWeights",
    "FoldedVMTAdapter",
    "FrozenBlock",
    "FullBias",
    "Generator",
    "HyperNetwork",
    "LiteralTaskScaledNorm",
    "LiteralVisionAdapter",
    "ModulatedBias",
    "NoBias",
    "PerHeadBias",
    "ScaledHyperNetwork",
    "SideAdapter",
    "SideAttention",
    "SideBlock",
    "SkiplessVisionAdapter",
    "TaskAdaptedAttention",
    "TaskEmbedding",
    "TaskMap",
    "TaskPrompts",
    "TaskScaledNorm",
    "TaskSideAttention",
    "VMTAdapter",
    "VMTAdapterLite",
    "VisionAdapter",
    "Windows",
    "frozen_block",
    "generated_bottleneck",
]
