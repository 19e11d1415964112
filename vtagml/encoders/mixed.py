"""ω in the features: what the tasks' own streams found, averaged by affinity."""

from collections.abc import Sequence

import torch
from torch import Tensor

from vtagml.encoders.conditioned import Conditioned, Part, copies
from vtagml.encoders.side_vtagml import SideVTAGML
from vtagml.encoders.vtagml import VTAGML


class Mixed(Conditioned):
    """Mixes features by ω instead of embeddings.

    Every trained task has a stream under its own embedding, whatever ω says. The pyramid of a row
    of ω is the average of theirs with that row's weights. So tasks lend each other what they see,
    and not how they look; ω = I is the same network as with embeddings.

    Note:
        Another reading of a sentence that the paper leaves open. With embeddings every row of ω
        runs a stream; here every trained task does, and rows are averages. All tasks read a
        stream, so what flows back on it is no task's own gradient: affinities that learn are
        refused, and ω has to come from elsewhere (`vtagml.affinity.Fixed`, of a run before this
        one; for a new task `vtagml.transfer.GivenRow`).
    """

    apart = False

    def streams(
        self, image: Tensor, omega: Tensor, names: Sequence[str], part: Part
    ) -> dict[str, list[Tensor]]:
        own = torch.eye(len(self.tasks), device=image.device)
        pyramids = super().streams(image, own, self.tasks, copies(len(self.tasks)))
        mixed = [_averages(level, omega) for level in zip(*pyramids.values(), strict=True)]
        return {name: [level[row] for level in mixed] for row, name in enumerate(names)}


class MixedVTAGML(Mixed, VTAGML):
    """`VTAGML` whose tasks lend each other features."""


class MixedSideVTAGML(Mixed, SideVTAGML):
    """`SideVTAGML` whose tasks lend each other features."""


def _averages(maps: Sequence[Tensor], omega: Tensor) -> Sequence[Tensor]:
    """A map per row of ω; what is the same for all tasks is not averaged."""
    if all(each is maps[0] for each in maps):
        return [maps[0]] * len(omega)
    together = torch.stack(list(maps))
    return torch.einsum("ts,s...->t...", omega.to(together), together).unbind(0)
