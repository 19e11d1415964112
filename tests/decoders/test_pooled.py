from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tests.fakes.backbones import TinySwinV2, TinyViT, awake
from vtagml.backbone import StagedBackbone
from vtagml.decoders import ConvDecoder, PerTask, PlainSummaryLinear, PooledLinear, SummaryLinear
from vtagml.encoders import VTAGML, Encoder, Separate, Shared

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


def summary_of(backbone: StagedBackbone, image: Tensor) -> Tensor:
    """timm's own way to the class token."""
    model = backbone.model
    tokens: Tensor = model.forward_features(backbone.normalize(image))
    return tokens[:, 0]


@pytest.mark.parametrize("encoder", [Shared, Separate, VTAGML])
def test_a_summary_goes_from_the_backbone_to_decoders_that_read_it(
    encoder: type[Encoder],
) -> None:
    backbone = awake(TinyViT((64, 96)))
    image, omega = torch.rand(2, 3, 64, 96), torch.eye(2)
    expected = summary_of(backbone, image)
    pyramids = encoder(["scene", "depth"], backbone)(image, omega)  # type: ignore[call-arg, arg-type]
    kinds = {"scene": SummaryLinear, "depth": ConvDecoder}

    decoders = PerTask(
        {"scene": 7, "depth": 1},
        backbone.channels,
        lambda levels, count: kinds["scene" if count == 7 else "depth"](levels, count),  # type: ignore[arg-type]
    )
    maps = decoders(pyramids, image)

    scene = decoders.decoders["scene"]
    assert isinstance(scene, SummaryLinear)
    torch.testing.assert_close(maps["scene"], scene.head(scene.norm(expected)))
    assert maps["depth"].shape == (2, 1, 64, 96)


def test_a_summary_learns_and_is_captured() -> None:
    encoder = Shared(["scene", "look"], awake(TinyViT((64, 96)))).train()
    pyramids = encoder(torch.rand(2, 3, 64, 96), torch.eye(2))
    decoder = SummaryLinear(encoder.channels, 3)
    sum(decoder(pyramid, (64, 96)).square().sum() for pyramid in pyramids.values()).backward()  # type: ignore[union-attr]
    assert next(encoder.backbone.model.blocks[0].parameters()).grad is not None
    gram = encoder.fork.take()
    assert gram is not None
    torch.testing.assert_close(gram.cosines(), torch.ones(2, 2, dtype=torch.float64))


def test_a_backbone_without_a_summary_is_refused() -> None:
    pyramid = awake(TinySwinV2())(torch.rand(1, 3, 64, 96))
    decoder = SummaryLinear([level.shape[1] for level in pyramid], 3)
    with pytest.raises(ValueError, match=r"SummaryLinear needs a backbone .* use PooledLinear"):
        decoder(pyramid, (64, 96))


def test_a_plain_linear_layer_reads_the_summary_as_it_is(make_pyramid: MakePyramid) -> None:
    decoder = PlainSummaryLinear(CHANNELS, outputs=5)
    summary = 3 + 2 * torch.randn(2, CHANNELS[-1])
    pyramid = [*make_pyramid(size=(64, 96)), summary]
    expected = summary @ decoder.head.weight.T + decoder.head.bias
    torch.testing.assert_close(decoder(pyramid, (64, 96)), expected)


def test_head_of_emtal_s_four_sets_on_vit_b_has_the_published_count() -> None:
    decoder = PlainSummaryLinear([768] * 4, outputs=598)
    # D·N + N of the 200, 196, 100 and 102 classes.
    assert sum(each.numel() for each in decoder.parameters()) == 768 * 598 + 598
