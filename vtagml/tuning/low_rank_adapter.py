"""Adapters whose two projections are products of low-rank factors."""

from collections.abc import Sequence

from torch import nn

from vtagml.adapters.bottleneck import narrow_width
from vtagml.tuning.houlsby_adapter import HoulsbyAdapter


class LowRankAdapter(HoulsbyAdapter):
    """Houlsby's adapters, each projection a product of two matrices of a low rank.

    Note:
        VMT-Adapter compares with it and does not define it. Two of these per block of rank 4 have
        the printed numbers of parameters, with `reduction` 16 for each task alone and 4 shared.

    Args:
        blocks: As in `BottleneckAdapter`.
        reduction: How many times narrower than the block the middle is.
        rank: Of the projections.
    """

    def __init__(
        self,
        blocks: Sequence[tuple[int, int]] | None = None,
        reduction: int = 4,
        rank: int = 4,
    ) -> None:
        super().__init__(blocks, reduction)
        self.rank = rank

    def adapter(self, channels: int) -> nn.Module:
        narrow = narrow_width(channels, self.reduction)
        if not 1 <= self.rank <= narrow:
            raise ValueError(
                f"`rank` must lie between 1 and the {narrow} channels that `reduction` "
                f"{self.reduction} leaves of {channels}, found {self.rank}."
            )
        last = nn.Linear(self.rank, channels)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        return nn.Sequential(
            nn.Linear(channels, self.rank, bias=False),
            nn.Linear(self.rank, narrow),
            nn.GELU(),
            nn.Linear(narrow, self.rank, bias=False),
            last,
        )
