from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from tests.decoders.conftest import count
from vtagml.decoders import HighResolution

CHANNELS = (8, 16, 24, 32)
SWIN_TINY = (96, 192, 384, 768)

MakePyramid = Callable[..., list[Tensor]]


def test_counts_by_hand() -> None:
    # All four levels of Swin-T have 96 + 192 + 384 + 768 = 1,440 channels: mixing 1440² + 1440,
    # norm 2·1440, and per map of the head 1440 + 1.
    with torch.device("meta"):
        decoders = {outputs: HighResolution(SWIN_TINY, outputs) for outputs in (21, 7, 1, 3)}
    for outputs, decoder in decoders.items():
        assert count(decoder) == 1440**2 + 1440 + 2 * 1440 + 1441 * outputs


def test_width_replaces_the_sum_of_channels() -> None:
    decoder = HighResolution(CHANNELS, outputs=2, width=12)
    assert count(decoder) == (80 * 12 + 12) + 2 * 12 + (12 * 2 + 2)
    assert HighResolution(CHANNELS, outputs=2).features == 80


@pytest.mark.parametrize("width", [None, 12])
def test_equals_concatenation_and_a_convolution(
    width: int | None, make_pyramid: MakePyramid
) -> None:
    """HRNetV2's own order: upsample, concatenate, 1x1 convolution, normalise, ReLU, 1x1 head."""
    decoder = HighResolution(CHANNELS, outputs=5, width=width).double()
    pyramid = make_pyramid(size=(64, 96), dtype=torch.float64)
    together = torch.cat(
        [functional.interpolate(level, size=(16, 24), mode="bilinear") for level in pyramid], dim=1
    )
    features = decoder.norm(decoder.mixing(together).permute(0, 2, 3, 1)).relu()
    scores = decoder.head(features.permute(0, 3, 1, 2))
    expected = functional.interpolate(scores, size=(64, 96), mode="bilinear")
    torch.testing.assert_close(decoder(pyramid, (64, 96)), expected)


def test_every_level_enters(make_pyramid: MakePyramid) -> None:
    pyramid = [level.requires_grad_() for level in make_pyramid()]
    HighResolution(CHANNELS, outputs=2, width=8)(pyramid, (64, 64)).square().sum().backward()
    assert all(level.grad is not None and level.grad.abs().sum() > 0 for level in pyramid)


def test_width_is_validated() -> None:
    with pytest.raises(ValueError, match="`width` must be at least 1, found 0"):
        HighResolution(CHANNELS, outputs=2, width=0)
