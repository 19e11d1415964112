"""MTLoRA's form: a tuned stream, and of each stage's last block a version for each task."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import cast

import torch
from torch import Tensor, nn

from vtagml.backbone import Backbone, Place, StagedBackbone, staged
from vtagml.encoders.folded import folded, own_tensors
from vtagml.encoders.parting_late import PartingLate
from vtagml.of_tasks import OfTasks
from vtagml.tuning import LoRAEverywhere, Tuning


class LastBlocks(PartingLate):
    """Every task has the last block of each stage tuned on its own, beside the stream's tuned one.

    The tasks' versions read what enters the stream's, run as one batch, and give the levels that
    the tasks' decoders read. With `LoRAEverywhere` it is MTLoRA (Agiza et al., CVPR 2024), with
    `SingularValues` DiTASK (CVPR 2025). What is frozen is stored once for the stream and all tasks.

    Note:
        In MTLoRA's release a task's layers add their products to what the frozen matrices make of
        the stream's own activations, so that these run once for all tasks; the sum is no pass of
        any block and cannot be merged, and its `merge` is not implemented. Ours are whole blocks,
        queries, keys and values included, at the price of a pass per task of one block a stage;
        they merge, for inference and `lightning export`; a network of several versions is no plain
        one of timm, which `lightning merge` would write. There, decoders read what the next
        reduction makes of a task's features, here these themselves.

    Args:
        tasks: Names of the tasks.
        backbone: SwinV2, Swin or ViT.
        tuning: What of the stream learns.
        own: What of a task's versions learns; null for the same kind.
        checkpointing: Whether the backward computes the blocks again instead of keeping their
            activations: the same numbers, less memory, more time.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        backbone: Backbone,
        tuning: Tuning = LoRAEverywhere(),  # noqa: B008 -- it has no state
        own: Tuning | None = None,
        checkpointing: bool = False,
    ) -> None:
        network = staged(backbone)
        *others, final = network.places()
        copies: dict[int, object] = {}
        version = deepcopy(network, copies)
        _tune_at(version, version.last_places(), own or tuning)
        originals = [*network.parameters(), *network.buffers()]
        network.tunable = [*others]  # of the final block nobody reads the stream's version
        super().__init__(tasks, network, tuning, checkpointing)
        network.standing_at(final).requires_grad_(False)
        network.tunable = None
        self.own = own or tuning
        once = _stored_once(version, originals, copies)
        self.backbones = OfTasks({task: deepcopy(version, dict(once)) for task in self.tasks})
        # Computed again in the backward, or where nothing is frozen, there is a pass per task.
        self.folds = version.frozen and not checkpointing

    def leave(self, place: Place, streams: Tensor, size: tuple[int, int]) -> Tensor:
        versions = [
            cast(StagedBackbone, self.backbones[task]).standing_at(place) for task in self.tasks
        ]
        if self.folds:
            return folded(versions[0], own_tensors(versions), streams, apart=True)
        run = self.backbone.run
        return torch.stack(
            [run(version, tokens) for version, tokens in zip(versions, streams, strict=True)]
        )

    def fold(self) -> None:
        for tuning, network in self._tuned():
            if tuning.mergeable(network):
                tuning.merge(network)

    def merge(self) -> None:
        for tuning, network in self._tuned():
            tuning.merge(network)

    def _tuned(self) -> list[tuple[Tuning, nn.Module]]:
        return [
            (self.tuning, self.backbone),
            *((self.own, version) for version in self.backbones.values()),
        ]


def _tune_at(network: StagedBackbone, places: Sequence[Place], tuning: Tuning) -> None:
    """Lets a tuning do at some places what it does everywhere; all else is frozen."""
    network.tunable = places
    tuning.tune(network)
    network.tunable = None
    kept = {id(each) for place in places for each in network.standing_at(place).parameters()}
    for parameter in network.parameters():
        if id(parameter) not in kept:
            parameter.requires_grad_(False)


def _stored_once(
    version: StagedBackbone, originals: Sequence[Tensor], copies: Mapping[int, object]
) -> dict[int, Tensor]:
    """Maps tensors of a version, as copying wants it, to those that all its copies shall have.

    Args:
        version: Of which there will be copies.
        originals: Parameters and buffers of the network that it is a copy of.
        copies: By their identities what the version has in their place.
    """
    still = [each for each in version.parameters() if not each.requires_grad]
    once = {id(each): each for each in (*still, *version.buffers())}
    for original in originals:
        copy = copies[id(original)]
        if id(copy) in once and not original.requires_grad:
            once[id(copy)] = original
    return once
