"""Maps from overlapping tiles."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from vtagml.inference.tiles import blended, fading, starts


@settings(max_examples=100, deadline=None)
@given(
    length=st.integers(1, 300),
    tile=st.integers(1, 100),
    overlap=st.floats(0, 0.9),
)
def test_tiles_cover_a_length_and_overlap(length: int, tile: int, overlap: float) -> None:
    tile = min(tile, length)
    found = starts(length, tile, overlap)
    assert found[0] == 0
    assert found[-1] == length - tile
    shared = round(tile * overlap)
    assert all(0 < later - first <= max(1, tile - shared) for first, later in pairwise(found))


def test_tiles_are_spread_evenly() -> None:
    # 10 pixels by tiles of 4 that share at least 1: steps of at most 3, so two steps of 3.
    assert starts(10, 4, 0.25) == [0, 3, 6]
    # 9 pixels: two steps of 2.5, rounded to even.
    assert starts(9, 4, 0.25) == [0, 2, 5]
    assert starts(4, 4, 0.5) == [0]


def whole(maps: dict[str, Tensor], size: tuple[int, int], tile: tuple[int, int]) -> Tensor:
    bands = blended(
        lambda rows, columns: {name: map[:, rows, columns] for name, map in maps.items()},
        size,
        tile,
        0.25,
    )
    return torch.cat([band["a"] for band in bands], dim=1)


@pytest.mark.parametrize("tile", [(5, 7), (20, 7), (13, 17), (40, 40), (1, 1)])
def test_tiles_that_agree_give_the_map_back(tile: tuple[int, int]) -> None:
    map = torch.randn(3, 13, 17)
    found = whole({"a": map, "b": torch.randn(1, 13, 17)}, (13, 17), tile)
    torch.testing.assert_close(found, map)


def test_a_tile_counts_most_in_its_middle() -> None:
    weights = fading(5)
    assert weights.argmax() == 2
    assert (weights > 0).all()
    torch.testing.assert_close(weights, weights.flip(0))
    # sin²(π/10), as the centre of the first of five pixels is at a tenth
    assert float(weights[0]) == pytest.approx(0.0954915)


def test_tiles_that_disagree_leave_no_seam() -> None:
    """Tiles of 32 that hold 0 and 1 in turn: the step of 1 is spread over the 8 they share."""
    lefts = starts(80, 32, 0.25)

    def maps_of(rows: slice, columns: slice) -> dict[str, Tensor]:
        return {"a": torch.full((1, 32, 32), float(lefts.index(columns.start) % 2))}

    (band,) = blended(maps_of, (32, 80), (32, 32), 0.25)
    row = band["a"][0, 5]
    assert row.min() == 0
    assert row.max() > 0.99
    assert row.diff().abs().max() < 0.3
