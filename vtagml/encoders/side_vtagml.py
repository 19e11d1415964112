"""VTAGML wired beside its backbone: frozen blocks run once for all tasks, without gradient."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from vtagml.adapters import SideAdapter, SideBlock
from vtagml.adapters.frozen_block import Observed
from vtagml.adapters.side_adapter import SideMerging, SideOutlet
from vtagml.affinity import Statistic, elementwise
from vtagml.backbone import Backbone, Place
from vtagml.encoders.conditioned import Conditioned, Part


class SideVTAGML(Conditioned):
    """VTAGML's adapters beside the backbone instead of in it.

    The frozen backbone runs once for all tasks and keeps nothing for the backward. Beside it runs a
    narrow stream, once for all tasks, too: a `SideBlock` at every place reads the output and the
    hidden channels of the frozen block there, attends with the frozen attention's weights and mixes
    neighbours. Where it leaves a stage the tasks part. The level is the frozen one and what the
    stream adds to it; what a task adds of its own passes a `SideAdapter` at bottleneck width:
    task-adapted attention, task-scaled norms and FF up. All that is added starts at zero, so that
    it starts as exactly the frozen backbone.

    One fork captures the gradients where the tasks part, of levels and bottlenecks of all stages as
    if they were one representation.

    Note:
        Not in the paper: there every task passes the frozen blocks on its own, on what adapters
        made of its stream, and sends its gradient back through them (`VTAGML`). Here no adapter
        changes what a frozen block reads, so that what is new has to be learned beside it. That the
        tasks share the side stream is measured: streams of their own cost a third of a step more
        and were no better (experiments/README.md).

    Args:
        tasks: Names of the tasks.
        backbone: SwinV2, Swin or ViT.
        blocks: Where side blocks stand: pairs (stage, block) counted from one. Default: beside the
            last four of the third stage and the fourth stage's (at most the last two).
        reduction: How many times narrower than its block the side stream is.
        narrowing: How many times narrower than the side stream the tasks' bottlenecks are.
        kernel: Side of the square of neighbours that a token of the side stream sees.
        embedding: Width of the task embeddings.
        statistic: What of the captured gradients the affinity compares.
        checkpointing: Whether the backward computes the adapters again instead of keeping their
            activations: the same numbers, less memory, more time.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        backbone: Backbone,
        blocks: Sequence[tuple[int, int]] | None = None,
        reduction: int = 2,
        narrowing: int = 4,
        kernel: int = 7,
        embedding: int = 64,
        statistic: Statistic = elementwise,
        checkpointing: bool = False,
    ) -> None:
        super().__init__(tasks, backbone, blocks, embedding, statistic, checkpointing)
        self.widths = _divided("reduction", self.channels, reduction)
        narrow = _divided("narrowing", self.widths, narrowing)
        self.side_blocks = nn.ModuleDict(
            {
                str(place): SideBlock(block, self.widths[place.stage - 1], kernel)
                for place, block in self.frozen_blocks.items()
            }
        )
        # By stage the last place: there the stream leaves it.
        self.ends = {place.stage: place for place in self.places}
        self.outlets = nn.ModuleDict()
        self.adapters = nn.ModuleDict()
        for stage, place in self.ends.items():
            width = narrow[stage - 1]
            outlet = SideOutlet(self.channels[stage - 1], self.widths[stage - 1], width)
            self.outlets[f"stage{stage}"] = outlet
            block = self.frozen_blocks[place]
            self.adapters[f"stage{stage}"] = SideAdapter(block, embedding, width)
        crossed = range(self.places[0].stage + 1, self.places[-1].stage + 1)
        self.mergings = nn.ModuleDict({f"stage{stage}": self._merging(stage) for stage in crossed})

    def _merging(self, stage: int) -> nn.Module:
        """What brings the stream to a stage's resolution; a ViT has only one."""
        if isinstance(self.backbone.stages[stage - 1].downsample, nn.Identity):
            return nn.Identity()
        return SideMerging(self.widths[stage - 2], self.widths[stage - 1])

    def pyramids(
        self, image: Tensor, embeddings: Tensor, names: Sequence[str], part: Part
    ) -> dict[str, list[Tensor]]:
        size = (image.shape[-2], image.shape[-1])
        leaving, seen = self._frozen(image, size)
        levels, narrow = self._side(leaving, seen, size)
        streams = part([*levels, *narrow])
        own: dict[int, Tensor] = {}
        for stage, level, bottleneck in zip(
            self.ends, streams[: len(levels)], streams[len(levels) :], strict=True
        ):
            place, adapter = self.ends[stage], self.adapters[f"stage{stage}"]
            block, weights = self.frozen_blocks[place].for_image(size), seen[place].weights
            added = self.backbone.run(adapter, block, weights, bottleneck, embeddings)
            own[stage] = (level + added).flatten(0, 1)
        return self._of_each(names, leaving, own, size)

    @torch.no_grad()
    def _frozen(
        self, image: Tensor, size: tuple[int, int]
    ) -> tuple[list[Tensor], dict[Place, Observed]]:
        """Returns what leaves the frozen backbone's stages, and what its blocks said."""
        seen: dict[Place, Observed] = {}

        def visit(place: Place, layer: nn.Module, tokens: Tensor) -> Tensor:
            if place not in self.frozen_blocks:
                return layer(tokens)
            seen[place] = self.frozen_blocks[place].for_image(size).observed(tokens)
            return seen[place].tokens

        return list(self.backbone.walk(image, visit)), seen

    def _side(
        self, leaving: Sequence[Tensor], seen: Mapping[Place, Observed], size: tuple[int, int]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Returns levels and bottlenecks that the tasks share, of each stage with a place."""
        run = self.backbone.run
        stream: Tensor | None = None
        stage = self.places[0].stage
        levels, narrow = [], []
        for place, said in seen.items():
            while stage < place.stage:
                stage += 1
                stream = self.mergings[f"stage{stage}"](stream)
            block = self.frozen_blocks[place].for_image(size)
            stream = run(self.side_blocks[str(place)], block, said, stream)
            if self.ends[stage] == place:
                level, bottleneck = run(self.outlets[f"stage{stage}"], leaving[stage - 1], stream)
                levels.append(level)
                narrow.append(bottleneck)
        return levels, narrow

    def _of_each(
        self,
        names: Sequence[str],
        leaving: Sequence[Tensor],
        own: Mapping[int, Tensor],
        size: tuple[int, int],
    ) -> dict[str, list[Tensor]]:
        """Returns pyramids whose levels are each stream's own where there is one."""

        def of_streams(stage: int, maps: Tensor) -> Sequence[Tensor]:
            if stage in own:
                return maps.unflatten(0, (len(names), -1)).unbind(0)
            return [maps] * len(names)

        levels = []
        for stage, frozen in enumerate(leaving, start=1):
            tokens = own.get(stage, frozen)
            levels.append(of_streams(stage, self.backbone.level(stage - 1, tokens, size)))
        levels += [of_streams(stage, each) for each in self.backbone.summary(tokens)]
        return {name: [level[row] for level in levels] for row, name in enumerate(names)}


def _divided(name: str, widths: Sequence[int], divisor: int) -> list[int]:
    if not 1 <= divisor <= min(widths):
        raise ValueError(
            f"`{name}` must lie between 1 and {min(widths)}, the smallest of the widths "
            f"{tuple(widths)} that it divides, found {divisor}."
        )
    return [width // divisor for width in widths]
