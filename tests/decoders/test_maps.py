"""Interpolation by pixel edges: a map that is brought to another size does not move."""

import torch

from vtagml.decoders.maps import upsample


def test_pixels_stand_for_their_squares_not_their_corners() -> None:
    # Two pixels become four, whose centres lie a quarter and three quarters into the first ones.
    row = torch.tensor([0.0, 1.0]).view(1, 1, 1, 2)
    found = upsample(row, (2, 4))
    assert torch.equal(found, torch.tensor([0.0, 0.25, 0.75, 1.0]).expand(1, 1, 2, 4))


def test_a_map_that_fits_is_left_as_it_is() -> None:
    row = torch.rand(1, 1, 1, 2)
    assert upsample(row, (1, 2)) is row
