from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from vtagml.decoders import PooledLinear

CHANNELS = (8, 16, 24, 32)

MakePyramid = Callable[..., list[Tensor]]


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_scores_of_a_level(level: int, make_pyramid: MakePyramid) -> None:
    decoder = PooledLinear(CHANNELS, outputs=5, level=level)
    pyramid = make_pyramid(size=(64, 96))
    found = decoder(pyramid, (64, 96))
    assert found.shape == (2, 5)
    # LayerNorm 2·C, linear layer C·K + K.
    count = sum(parameter.numel() for parameter in decoder.parameters())
    assert count == 2 * CHANNELS[level] + 5 * CHANNELS[level] + 5
    # The average forgets where things are.
    flipped = [features.flip(2, 3) for features in pyramid]
    torch.testing.assert_close(decoder(flipped, (64, 96)), found)
    # No other level enters.
    pyramid[(level + 1) % 4].zero_()
    assert torch.equal(decoder(pyramid, (64, 96)), found)


def test_golden_number() -> None:
    decoder = PooledLinear((1, 1, 1, 2), outputs=1)
    torch.nn.init.ones_(decoder.head.weight)
    decoder.head.weight.data[0, 1] = 3.0
    decoder.head.bias.data.fill_(0.5)
    # Averages (10, 20) have mean 15 and standard deviation 5: normalised (-1, 1), so that the
    # score is -1·1 + 1·3 + 0.5 = 2.5 (up to LayerNorm's epsilon of 1e-5 against a variance of 25).
    deepest = torch.tensor([[[[5.0, 15.0]], [[20.0, 20.0]]]])
    pyramid = [torch.zeros(1, 1, 4, 8), torch.zeros(1, 1, 2, 4), torch.zeros(1, 1, 1, 2), deepest]
    torch.testing.assert_close(decoder(pyramid, (16, 32)), torch.tensor([[2.5]]))


@pytest.mark.parametrize("level", [-1, 4])
def test_level_is_validated(level: int) -> None:
    with pytest.raises(ValueError, match=f"`level` must be .* found {level}"):
        PooledLinear(CHANNELS, outputs=5, level=level)
