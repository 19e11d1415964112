"""Where something can stand in a backbone: which blocks of which stages."""

from collections.abc import Sequence
from typing import NamedTuple


class Place(NamedTuple):
    """A block of a backbone; stages and blocks are counted from one, as the paper counts them."""

    stage: int
    block: int

    def __str__(self) -> str:
        return f"stage{self.stage}_block{self.block}"


def chosen_places(depths: Sequence[int], blocks: Sequence[tuple[int, int]]) -> list[Place]:
    """Returns the places that a setting names, in the order of the walk.

    Args:
        depths: How many blocks each stage has.
        blocks: Pairs (stage, block), both counted from one.
    """
    chosen = sorted({Place(stage, block) for stage, block in blocks})
    if not chosen:
        raise ValueError(
            "`blocks` must name at least one (stage, block), found none: leave it out for the "
            "method's own, or train decoders alone with the tuning `vtagml.tuning.Frozen`."
        )
    for place in chosen:
        _check(place, depths)
    return chosen


def _check(place: Place, depths: Sequence[int]) -> None:
    if not 1 <= place.stage <= len(depths):
        raise ValueError(
            f"`blocks` must have stages between 1 and {len(depths)}, found stage {place.stage} in "
            f"({place.stage}, {place.block})."
        )
    depth = depths[place.stage - 1]
    if not 1 <= place.block <= depth:
        raise ValueError(
            f"`blocks` must have blocks between 1 and {depth} in stage {place.stage} of this "
            f"backbone, found block {place.block}: both numbers count from one."
        )
