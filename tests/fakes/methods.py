"""Every method on a backbone small enough to train in a moment, by the name of its overlay."""

from collections.abc import Callable, Sequence
from functools import partial

import torch

from tests.fakes.backbones import TinySwinV2, TinyViT, awake
from tests.fakes.holes import CLASSES, SIDE, sgd, small_decoders
from vtagml.adapters import VMTAdapterLite
from vtagml.affinity import Uniform
from vtagml.encoders import (
    VMT,
    VTAGML,
    Encoder,
    Hyperformer,
    LastBlocks,
    Polyhistor,
    PolyhistorLite,
    Progressive,
    Separate,
    Shared,
    SideVTAGML,
    TADFormer,
    TaskPrompter,
)
from vtagml.experts import RandomGroups
from vtagml.module import MultitaskModule, OptimizerOfParameters
from vtagml.tasks import Depth, Edges, Normals, Segmentation
from vtagml.tuning import (
    BitFit,
    BottleneckAdapter,
    Frozen,
    Full,
    HoulsbyAdapter,
    LoRA,
    LoRAEverywhere,
    LowRankAdapter,
    MoEfiedLoRA,
    RelativeBias,
    SingularValues,
    Tuning,
)

Make = Callable[..., Encoder]
"""Takes tasks and a backbone."""

TUNINGS: dict[str, Tuning] = {
    "bitfit": BitFit(),
    "bottleneck_adapter": BottleneckAdapter(),
    "houlsby_adapter": HoulsbyAdapter(),
    "lora": LoRA(2),
    "lora_everywhere": LoRAEverywhere(2),
    "low_rank_adapter": LowRankAdapter(rank=2),
    "moefied_lora": MoEfiedLoRA(4, 2, RandomGroups()),
    "relative_bias": RelativeBias(),
    "singular_values": SingularValues(),
}

METHODS: dict[str, Make] = {
    "vtagml": VTAGML,
    "frozen": partial(Shared, tuning=Frozen()),
    "full": partial(Shared, tuning=Full()),
    "single_task": partial(Separate, tuning=Full()),
    "plain": partial(Shared, tuning=BottleneckAdapter([(3, 1), (4, 2)])),
    **{f"{name}_shared": partial(Shared, tuning=tuning) for name, tuning in TUNINGS.items()},
    **{f"{name}_separate": partial(Separate, tuning=tuning) for name, tuning in TUNINGS.items()},
    "hyperformer": partial(Hyperformer, embedding=8),
    "polyhistor": partial(Polyhistor, embedding=8, rank=4),
    "polyhistor_lite": partial(PolyhistorLite, embedding=8, rank=4),
    "progressive": Progressive,
    "mtlora": partial(LastBlocks, tuning=LoRAEverywhere(4), own=LoRAEverywhere(2)),
    "ditask": partial(LastBlocks, tuning=SingularValues(), own=SingularValues(4)),
    "tadformer": TADFormer,
    "task_prompter": partial(TaskPrompter, width=8, windows=1),
    "vmt": VMT,
    "vtagml_side": SideVTAGML,
    "vmt_lite": partial(VMT, adapter=partial(VMTAdapterLite, dimension=2)),
}


def module_of(method: str, optimizer: OptimizerOfParameters = sgd) -> MultitaskModule:
    """Trains four tasks of `Holes` with a method."""
    torch.manual_seed(0)
    return MultitaskModule(
        [Segmentation(CLASSES), Depth(), Normals(), Edges()],
        partial(of_tasks, METHODS[method]),
        small_decoders,
        Uniform,
        optimizer=optimizer,
    )


def of_tasks(method: Make, tasks: Sequence[str]) -> Encoder:
    on_vit = isinstance(method, partial) and method.func is TaskPrompter
    return method(tasks, awake((TinyViT if on_vit else TinySwinV2)((SIDE, SIDE))))
