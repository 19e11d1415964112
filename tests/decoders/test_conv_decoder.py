from collections.abc import Callable

import pytest
from torch import Tensor

from tests.decoders.conftest import count
from vtagml.decoders import ConvDecoder, DeepConvDecoder

CHANNELS = (32, 64, 128, 256)

MakePyramid = Callable[..., list[Tensor]]


def test_count_on_all_levels() -> None:
    # Laterals: (32 + 64 + 128 + 256)·32 + 4·32 = 15,488. Three 3x3 fusions with their norms:
    # 3·(9·32·32 + 64) = 27,840. Sharpening to stride 2: 9·32·16 + 32 = 4,640. Head: 16·K + K.
    assert count(ConvDecoder(CHANNELS, 3)) == 15_488 + 27_840 + 4_640 + 17 * 3
    # Stride 4 stops before the sharpening; the head reads 32 channels.
    assert count(ConvDecoder(CHANNELS, 3, stride=4)) == 15_488 + 27_840 + 33 * 3
    # Stride 1 sharpens once more, 16 to 8 channels: 9·16·8 + 16 = 1,168; the head reads 8.
    assert count(ConvDecoder(CHANNELS, 3, stride=1)) == 15_488 + 27_840 + 4_640 + 1_168 + 9 * 3


def test_count_on_the_two_deepest_levels() -> None:
    # Laterals: (128 + 256)·32 + 2·32 = 12,352; the three steps to stride 4 stay: 27,840.
    assert count(DeepConvDecoder(CHANNELS, 3)) == 12_352 + 27_840 + 4_640 + 17 * 3


@pytest.mark.parametrize(("stride", "rows"), [(4, 16), (2, 32), (1, 64)])
@pytest.mark.parametrize("family", [ConvDecoder, DeepConvDecoder])
def test_head_reads_features_at_the_stride(
    family: type[ConvDecoder], stride: int, rows: int, make_pyramid: MakePyramid
) -> None:
    decoder = family((8, 16, 24, 32), outputs=2, width=32, stride=stride)
    # 32 channels at stride 4, half as many with every step beyond it.
    assert decoder.trunk(make_pyramid()).shape == (2, 8 * stride, rows, rows)


@pytest.mark.parametrize(
    ("family", "entering"),
    [(ConvDecoder, [True, True, True, True]), (DeepConvDecoder, [False, False, True, True])],
)
def test_which_levels_enter(
    family: type[ConvDecoder], entering: list[bool], make_pyramid: MakePyramid
) -> None:
    pyramid = [level.requires_grad_() for level in make_pyramid()]
    family((8, 16, 24, 32), outputs=2, width=16)(pyramid, (64, 64)).square().sum().backward()
    found = [level.grad is not None and bool(level.grad.abs().sum() > 0) for level in pyramid]
    assert found == entering


def test_settings_are_validated() -> None:
    with pytest.raises(ValueError, match="`stride` must be 4, 2 or 1, found 3"):
        ConvDecoder(CHANNELS, 3, stride=3)
    # At stride 2 the narrowest layer has half the width and must fill groups of 8.
    with pytest.raises(ValueError, match="`width` must be a positive multiple of 16, found 24"):
        ConvDecoder(CHANNELS, 3, width=24)
    ConvDecoder(CHANNELS, 3, width=24, stride=4)
