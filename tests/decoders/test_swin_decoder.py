from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tests.decoders.conftest import count
from vtagml.decoders import PlainSwinDecoder, SwinDecoder

CHANNELS = (32, 64, 128, 256)

MakePyramid = Callable[..., list[Tensor]]


def test_count() -> None:
    # Width C = 256, 128, 64, 32 with 8, 4, 2, 1 heads of 32 channels and 8x8 windows.
    # Two blocks per stage: 2·(12·C² + 13·C + 225·heads).
    stages = 2 * (12 * (256**2 + 128**2 + 64**2 + 32**2) + 13 * 480 + 225 * 15)
    # LayerNorm on the deepest level 2·256; expansions 2·C² and a LayerNorm of 2·(C/2).
    between = 2 * 256 + 2 * (256**2 + 128**2 + 64**2) + (256 + 128 + 64)
    # Last LayerNorm 2·32; head of 3 channels for 4x4 pixels: 32·48 + 48.
    last = 2 * 32 + 32 * 48 + 48
    # Skips: LayerNorm 2·E on a level of E channels, reduction (C + E)·C + C; here E = C.
    skips = sum(2 * c + 2 * c * c + c for c in (128, 64, 32))
    assert stages + between + last == 2_282_830
    assert count(PlainSwinDecoder(CHANNELS, 3)) == 2_282_830
    assert count(SwinDecoder(CHANNELS, 3)) == 2_282_830 + skips


def test_a_narrow_decoder_is_small() -> None:
    # Width 64: about 1/16 of the parameters, and a projection of the deepest level to 64.
    narrow, full = SwinDecoder(CHANNELS, 3, width=64), SwinDecoder(CHANNELS, 3)
    assert count(narrow) < count(full) / 10
    assert narrow.entrance[1].weight.shape == (64, 256)


def test_stages_halve_channels_and_double_the_size(make_pyramid: MakePyramid) -> None:
    decoder = SwinDecoder((8, 16, 24, 32), outputs=2, width=48)
    shapes = []
    for stage in decoder.stages:
        stage.register_forward_hook(lambda _, __, output: shapes.append(tuple(output.shape[1:])))
    decoder(make_pyramid(size=(64, 96)), (64, 96))
    assert shapes == [(2, 3, 48), (4, 6, 24), (8, 12, 12), (16, 24, 6)]


def test_heads_follow_the_widths() -> None:
    # The widths of Fig. 2 (Swin-L) have the heads of Sec. 3.3.
    with torch.device("meta"):
        decoder = PlainSwinDecoder((192, 384, 768, 1536), outputs=1, depth=1)
    assert [stage[0].attention.heads for stage in decoder.stages] == [48, 24, 12, 6]


@pytest.mark.parametrize(
    ("family", "entering"),
    [(SwinDecoder, [True, True, True, True]), (PlainSwinDecoder, [False, False, False, True])],
)
def test_which_levels_enter(
    family: type[SwinDecoder], entering: list[bool], make_pyramid: MakePyramid
) -> None:
    pyramid = [level.requires_grad_() for level in make_pyramid()]
    family((8, 16, 24, 32), outputs=2)(pyramid, (64, 64)).square().sum().backward()
    found = [level.grad is not None and bool(level.grad.abs().sum() > 0) for level in pyramid]
    assert found == entering


def test_head_places_detail_within_a_token(make_pyramid: MakePyramid) -> None:
    """Each token predicts its own 4x4 pixels: another token's pixels stay as they were."""
    decoder = SwinDecoder((8, 16, 24, 32), outputs=2)
    features = decoder.trunk(make_pyramid())
    changed = features.clone()
    changed[:, :, 3, 5] += 1
    one, other = (decoder.finish(decoder.head(given), (64, 64)) for given in (features, changed))
    difference = (one - other).abs().sum(dim=(0, 1)) > 0
    expected = torch.zeros(64, 64, dtype=torch.bool)
    expected[12:16, 20:24] = True
    assert torch.equal(difference, expected)


def test_settings_are_validated(make_pyramid: MakePyramid) -> None:
    with pytest.raises(ValueError, match=r"`width` must be a positive multiple of 8, found 60"):
        SwinDecoder(CHANNELS, 3, width=60)
    with pytest.raises(ValueError, match=r"`width` must be at least 32.* found 24"):
        SwinDecoder((8, 16, 20, 24), 3)
    with pytest.raises(ValueError, match=r"`heads` must be four .* found \(8, 4, 2\)"):
        SwinDecoder(CHANNELS, 3, heads=(8, 4, 2))
    with pytest.raises(ValueError, match=r"`heads` .* divide the widths \(256, 128, 64, 32\)"):
        SwinDecoder(CHANNELS, 3, heads=(7, 4, 2, 1))
    with pytest.raises(ValueError, match=r"`window` must be at least 1, found 0"):
        SwinDecoder(CHANNELS, 3, window=0)
    with pytest.raises(ValueError, match=r"`depth` must be at least 1, found 0"):
        SwinDecoder(CHANNELS, 3, depth=0)


def test_levels_that_do_not_double_are_an_error(make_pyramid: MakePyramid) -> None:
    decoder = SwinDecoder((8, 16, 24, 32), outputs=2)
    pyramid = make_pyramid()
    pyramid[1] = pyramid[1][:, :, :7]
    with pytest.raises(ValueError, match=r"`pyramid` must double its size .* multiples of 32"):
        decoder(pyramid, (64, 64))
