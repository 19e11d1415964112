from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.fakes.backbones import FAMILIES, TinySwinV2, TinyViT, awake
from vtagml.adapters import FrozenBlock, frozen_block
from vtagml.backbone import StagedBackbone

# Third-stage maps of 10 x 14 for Swin: no multiple of the windows of 4.
SIZE = (160, 224)


def third_stage(family: type[StagedBackbone], number: int) -> tuple[FrozenBlock, Tensor]:
    """Returns a block of the third stage as an image of `SIZE` meets it, and its input."""
    backbone = awake(family()).double().freeze()
    block = backbone.stages[2].blocks[number]
    tokens = backbone.stem(torch.rand(2, 3, *SIZE, dtype=torch.float64))
    for stage in backbone.stages[:2]:
        tokens = stage.downsample(tokens)
    tokens = backbone.stages[2].downsample(tokens)
    return frozen_block(backbone, block).for_image(SIZE), torch.randn_like(tokens)


def attended(frozen: FrozenBlock, tokens: Tensor) -> Tensor:
    logits, values = frozen.attention(tokens)
    return frozen.gather(logits.softmax(-1) @ values, tokens)


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("family", FAMILIES)
def test_its_parts_make_the_block(family: type[StagedBackbone], number: int) -> None:
    frozen, tokens = third_stage(family, number)
    first, second = frozen.norms

    middle = tokens + frozen.sublayer(first, lambda each: attended(frozen, each), tokens)
    output = middle + frozen.sublayer(second, frozen.feed_forward, middle)

    torch.testing.assert_close(output, frozen.block(tokens), rtol=0, atol=1e-12)
    assert (output - tokens).abs().mean() > 0.01


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("family", FAMILIES)
def test_features_are_what_attention_projects(family: type[StagedBackbone], number: int) -> None:
    frozen, tokens = third_stage(family, number)
    logits, values = frozen.attention(tokens)
    scale, _ = frozen.scales

    features = frozen.features(logits.softmax(-1) @ values, tokens)

    projected = scale(frozen.block.attn.proj(features))
    torch.testing.assert_close(projected, frozen.attend(tokens), rtol=0, atol=1e-12)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_grid_is_the_map_that_decoders_read(family: type[StagedBackbone]) -> None:
    frozen, tokens = third_stage(family, 0)
    maps: list[Tensor] = []

    def flipped(map: Tensor) -> Tensor:
        maps.append(map)
        return map.flip(-1)

    found = frozen.over_grid(flipped, tokens)

    (map,) = maps
    assert map.shape == (2, tokens.shape[-1], 10, 14)
    prefix = 1 if family is TinyViT else 0
    channels_last = tokens[:, prefix:].reshape(2, 10, 14, -1)
    assert torch.equal(map, channels_last.permute(0, 3, 1, 2))
    assert torch.equal(found[:, prefix:], channels_last.flip(2).view_as(tokens[:, prefix:]))
    assert torch.equal(found[:, :prefix], tokens[:, :prefix])


def test_the_second_block_shifts() -> None:
    frozen, _ = third_stage(TinySwinV2, 1)

    assert frozen.block.shift_size == (2, 2)
    assert frozen.block.get_attn_mask(torch.zeros(1, 12, 16, 1)).any()


def test_windows_follow_a_resized_backbone() -> None:
    backbone = awake(TinySwinV2((256, 256))).double().freeze()
    frozen = frozen_block(backbone, backbone.stages[3].blocks[1])
    tokens = torch.randn(1, 2, 3, 128, dtype=torch.float64)
    assert frozen.window == (4, 4)

    backbone.resize((64, 96))

    assert frozen.window == (2, 3)
    assert frozen.nominal_window == (4, 4)
    first, _ = frozen.norms
    expected = frozen.block._attn(tokens)
    torch.testing.assert_close(attended(frozen, tokens), expected, rtol=0, atol=1e-12)
    assert first is frozen.block.norm1


def test_layer_scale_and_normalised_queries_of_a_vit() -> None:
    backbone = TinyViT()
    block = type(backbone.stages[2].blocks[0])(32, 2, init_values=0.3, qk_norm=True)
    frozen = frozen_block(backbone, block.double().eval())
    tokens = torch.randn(2, 1 + 4 * 6, 32, dtype=torch.float64)
    first, second = frozen.norms

    middle = tokens + frozen.sublayer(first, lambda each: attended(frozen, each), tokens)
    output = middle + frozen.sublayer(second, frozen.feed_forward, middle)

    torch.testing.assert_close(output, block(tokens), rtol=0, atol=1e-12)
    assert frozen.scales == (block.ls1, block.ls2)


def test_leading_norms_of_post_norm_blocks_have_unit_scale() -> None:
    frozen, tokens = third_stage(TinySwinV2, 0)
    norm, _ = frozen.leading_norms

    assert not list(norm.parameters())
    variance = norm(tokens).var(-1, correction=0)
    torch.testing.assert_close(variance, torch.ones_like(variance), rtol=0, atol=1e-3)


def test_leading_norms_of_pre_norm_blocks_are_their_own() -> None:
    frozen, _ = third_stage(TinyViT, 0)

    assert frozen.leading_norms == frozen.norms


def test_a_copied_backbone_keeps_its_own_blocks() -> None:
    backbone = TinySwinV2()
    frozen = frozen_block(backbone, backbone.stages[2].blocks[0])

    copied_backbone, copied = deepcopy((backbone, frozen))

    assert copied.block is copied_backbone.stages[2].blocks[0]


def test_an_unknown_block_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"`backbone`.*SwinTransformerV2Block.*found Linear"):
        frozen_block(TinySwinV2(), nn.Linear(1, 1))


def test_a_gated_vit_is_refused() -> None:
    backbone = TinyViT()
    block = backbone.stages[0].blocks[0]
    block.attn.gate = nn.Linear(32, 32)

    with pytest.raises(ValueError, match="gates its attention"):
        frozen_block(backbone, block)


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("family", FAMILIES)
def test_observed_it_says_the_same_and_how_it_attends(
    family: type[StagedBackbone], number: int
) -> None:
    frozen, tokens = third_stage(family, number)
    first, second = frozen.norms

    seen = frozen.observed(tokens)

    torch.testing.assert_close(seen.tokens, frozen.block(tokens), rtol=0, atol=1e-12)
    entering = first(tokens) if frozen.norm_first else tokens
    expected = frozen.attention(entering).logits.softmax(-1)
    torch.testing.assert_close(seen.weights, expected, rtol=0, atol=1e-12)
    middle = tokens + frozen.sublayer(first, lambda each: attended(frozen, each), tokens)
    wide = frozen.block.mlp.fc1(second(middle) if frozen.norm_first else middle)
    torch.testing.assert_close(seen.hidden, nn.functional.gelu(wide), rtol=0, atol=1e-12)
    assert seen.hidden.shape[-1] == frozen.hidden_channels


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("family", FAMILIES)
def test_windows_are_those_of_the_attention(family: type[StagedBackbone], number: int) -> None:
    frozen, tokens = third_stage(family, number)
    attention, channels = frozen.block.attn, tokens.shape[-1]
    bias = getattr(attention, "v_bias", None)
    bias = attention.qkv.bias[-channels:] if bias is None else bias

    windows = frozen.windows(tokens)

    values = nn.functional.linear(windows, attention.qkv.weight[-channels:], bias)
    expected = frozen.attention(tokens).values.transpose(2, 3).flatten(-2)
    torch.testing.assert_close(values, expected, rtol=0, atol=1e-12)
    assert torch.equal(frozen.restored(windows, tokens), tokens)
    narrow = frozen.restored(windows[..., :3], tokens)
    assert torch.equal(narrow, tokens[..., :3])


class ScaledViT(TinyViT):
    """With layer scales, as DINOv2 has them."""

    def _options(self) -> dict[str, Any]:
        return super()._options() | {"init_values": 0.3}


def test_observed_the_layer_scales_count() -> None:
    frozen, tokens = third_stage(ScaledViT, 0)

    assert frozen.block.ls2.gamma.abs().max() < 1
    torch.testing.assert_close(frozen.observed(tokens).tokens, frozen.block(tokens))
