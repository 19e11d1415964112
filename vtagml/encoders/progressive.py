"""Adapters that tasks share early and part with late, in groups that their gradients make."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call

from vtagml.backbone import Backbone, Place, StagedBackbone, staged
from vtagml.encoders.folded import folded
from vtagml.encoders.grouping import Grouping, OneThenAll, Partition
from vtagml.encoders.tuned import Tuned
from vtagml.of_tasks import OfGroups, OfTasks
from vtagml.tuning import BottleneckAdapter, Tuning

TensorOf = Callable[[str, str], nn.Parameter]
"""Takes a task and the name of a parameter of the backbone; returns the task's."""


class Progressive(Tuned):
    """Progressive task-specific adaptation: what trains is shared early, a group's, a task's late.

    In every stage each group of tasks has its own of what trains; what is frozen is stored once. A
    group's tokens go on to the groups it splits into, and all groups of a stage run as one batch.
    So it lies between `Shared`, which is one group in every stage, and `Separate`, which is a group
    per task in every stage. What trains outside the stages (of BitFit, the embedding of patches) is
    everyone's.

    Note:
        There is no fork. Where the first groups part, tasks of one group still share a stream, and
        a backward brings the sum of their gradients; S is measured by a run before this one.

        The paper (AISTATS 2026) has no code that we know of; the linkage, and where groups split,
        are ours.

    Args:
        tasks: Names of the tasks.
        backbone: SwinV2, Swin or ViT.
        tuning: What of the backbone learns.
        grouping: Which tasks go together: `MeasuredGroups` of another run's S, `NamedGroups`, or
            `OneThenAll`, which needs neither.
        checkpointing: Whether the backward computes the blocks again instead of keeping their
            activations: the same numbers, less memory, more time.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        backbone: Backbone,
        tuning: Tuning = BottleneckAdapter(),  # noqa: B008 -- it has no state
        grouping: Grouping = OneThenAll(),  # noqa: B008 -- likewise
        checkpointing: bool = False,
    ) -> None:
        self.partitions = grouping.partitions(tasks)  # the backbone is taken apart with them
        super().__init__(tasks, staged(backbone), tuning, checkpointing)

    def take(self, backbone: Backbone) -> None:
        kept = {id(each) for each in backbone.parameters() if not each.requires_grad}
        # Where a pass is computed again in the backward, or nothing is shared, groups take turns.
        self.folds = bool(kept) and not self.checkpointing
        self._part(staged(backbone), kept, lambda task, name: backbone.get_parameter(name))

    def forward(
        self,
        image: Float[Tensor, "batch 3 height width"],
        omega: Float[Tensor, "task source"],
    ) -> dict[str, list[Tensor]]:
        now: Partition = (self.tasks,)
        leaving: list[Partition] = [now] * len(self.partitions)

        def visit(place: Place, layer: nn.Module, tokens: Tensor) -> Tensor:
            nonlocal now
            if place in self.trained:
                before, now = now, self.partitions[place.stage - 1]
                tokens = self._grouped(place, tokens, before)
            else:  # nothing of a group's own: each stream goes on as it is
                tokens = self.backbone.pass_through(place, layer, tokens)
            leaving[place.stage - 1] = now
            return tokens

        pyramid = self.backbone(image, visit)
        groups = [*leaving, *(now for _ in pyramid[len(leaving) :])]
        return {
            task: [
                level.unflatten(0, (len(own), -1))[_row(own, task)]
                for level, own in zip(pyramid, groups, strict=True)
            ]
            for task in self.tasks
        }

    def merge(self) -> None:
        wholes = {task: self.backbone_of(task) for task in self.tasks}
        kept = {id(each) for each in self.backbone.parameters()}
        for whole in wholes.values():
            self.tuning.merge(whole)
        self._part(wholes[self.tasks[0]], kept, lambda task, name: wholes[task].get_parameter(name))

    def backbone_of(self, task: str) -> StagedBackbone:
        """The backbone as a task sees it; its tensors are those that are trained here."""
        tensors = [*self.backbone.parameters(), *self.backbone.buffers()]
        whole = deepcopy(self.backbone, {id(tensor): tensor for tensor in tensors})
        for place, names in self.trained.items():
            partition = self.partitions[place.stage - 1]
            own = self._own(partition[_row(partition, task)])
            for name in names.values():
                _replace(whole, name, own.get_parameter(name))
        return whole

    def whole_backbones(self) -> Mapping[tuple[str, ...], Backbone]:
        return {group: self.backbone_of(group[0]) for group in self.partitions[-1]}

    def _part(self, backbone: StagedBackbone, kept: set[int], tensor_of: TensorOf) -> None:
        """Leaves a backbone what is kept, and gives the rest of its stages to the groups."""
        self.backbone, self.trained = backbone, _apart(backbone, kept)
        self.own = OfTasks({task: nn.Module() for task in self.tasks})
        self.shared = OfGroups(self.tasks)
        every = [(place, name) for place, own in self.trained.items() for name in own.values()]
        for place, name in every:
            for group in self.partitions[place.stage - 1]:
                _put(self._own(group), name, deepcopy(tensor_of(group[0], name)))
        for _, name in every:  # a place for what a group puts there while it runs
            _replace(backbone, name, None)

    def _own(self, group: tuple[str, ...]) -> nn.Module:
        """What belongs to a group, under the backbone's names."""
        if len(group) == 1:
            return self.own[group[0]]
        return self.shared.of(group)

    def _grouped(self, place: Place, tokens: Tensor, before: Partition) -> Tensor:
        """Runs what stands at a place for all groups of its stage."""
        unit, groups = _unit(self.backbone, place), self.partitions[place.stage - 1]
        names = self.trained[place].items()
        own = [
            {name: self._own(group).get_parameter(full) for name, full in names} for group in groups
        ]
        if len(groups) == 1:
            return self.backbone.run(functional_call, unit, own[0], tokens)
        streams = tokens.unflatten(0, (len(before), -1))
        if len(before) not in (1, len(groups)):
            streams = streams[[_row(before, group[0]) for group in groups]]
        if not self.folds:
            streams = streams.expand(len(groups), *streams.shape[1:])
            turns = zip(own, streams, strict=True)
            return torch.cat([self.backbone.run(functional_call, unit, *turn) for turn in turns])
        apart = len(streams) > 1
        stacked = {name: torch.stack([each[name] for each in own]) for name in own[0]}
        return folded(unit, stacked, streams if apart else streams[0], apart=apart).flatten(0, 1)


def _unit(backbone: StagedBackbone, place: Place) -> nn.Module:
    """The layer at a place and what stands behind it."""
    if place.block == 0:
        return backbone.stages[place.stage - 1].downsample
    return backbone.standing_at(place)


def _apart(backbone: StagedBackbone, kept: set[int]) -> dict[Place, dict[str, str]]:
    """Returns what of each place is not kept: its name there, and in the backbone."""
    names = {id(each): name for name, each in backbone.named_parameters()}
    found = {}
    for number, stage in enumerate(backbone.stages, start=1):
        for block in range(len(stage.blocks) + 1):
            unit = _unit(backbone, place := Place(number, block)).named_parameters()
            if own := {name: names[id(each)] for name, each in unit if id(each) not in kept}:
                found[place] = own
    return found


def _replace(network: nn.Module, name: str, parameter: nn.Parameter | None) -> None:
    path, _, last = name.rpartition(".")
    network.get_submodule(path).register_parameter(last, parameter)


def _row(partition: Partition, task: str) -> int:
    return next(row for row, group in enumerate(partition) if task in group)


def _put(root: nn.Module, name: str, parameter: nn.Parameter) -> None:
    """Keeps a parameter under a name with dots."""
    *path, last = name.split(".")
    for part in path:
        if part not in dict(root.named_children()):
            root.add_module(part, nn.Module())
        root = root.get_submodule(part)
    root.register_parameter(last, parameter)
