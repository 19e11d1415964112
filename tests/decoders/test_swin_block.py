"""Against timm's block, on sizes that it can be built for."""

import pytest
import torch
from timm.models.swin_transformer import SwinTransformerBlock
from torch import nn

from vtagml.decoders.swin_block import SwinBlock, swin_stage

CHANNELS, HEADS, WINDOW = 12, 3, 4


def with_weights_of(reference: SwinTransformerBlock, block: SwinBlock) -> SwinBlock:
    """The block with the reference's weights; a clamped window fills the middle of the table."""
    pairs = [
        (block.norm_attention, reference.norm1),
        (block.attention.project, reference.attn.qkv),
        (block.attention.out, reference.attn.proj),
        (block.norm_mlp, reference.norm2),
        (block.mlp[0], reference.mlp.fc1),
        (block.mlp[2], reference.mlp.fc2),
    ]
    for ours, theirs in pairs:
        ours.load_state_dict(theirs.state_dict())
    rows, columns = (2 * side - 1 for side in reference.attn.window_size)
    table = reference.attn.relative_position_bias_table.T.reshape(HEADS, rows, columns)
    top, left = (2 * WINDOW - 1 - rows) // 2, (2 * WINDOW - 1 - columns) // 2
    with torch.no_grad():
        block.attention.bias[:, top : top + rows, left : left + columns] = table
    return block


@pytest.mark.parametrize("shift", [0, 2])
@pytest.mark.parametrize("size", [(8, 8), (4, 4), (8, 12), (2, 2), (3, 8)])
def test_equals_timm(shift: int, size: tuple[int, int]) -> None:
    reference = SwinTransformerBlock(
        CHANNELS, size, num_heads=HEADS, window_size=WINDOW, shift_size=shift
    ).double()
    for parameter in reference.parameters():
        nn.init.normal_(parameter, std=0.3)
    block = with_weights_of(reference, SwinBlock(CHANNELS, HEADS, WINDOW, shift).double())
    features = torch.randn(2, *size, CHANNELS, dtype=torch.float64)
    # timm's mask is -100 instead of minus infinity, so what it lets through is e^-100.
    torch.testing.assert_close(block(features), reference(features))


def test_count() -> None:
    # Two LayerNorms 4C; query, key, value 3C² + 3C; output C² + C; perceptron 8C² + 5C;
    # bias table (2·4 - 1)² per head: 12·144 + 13·12 + 3·49 = 2,031.
    block = SwinBlock(CHANNELS, HEADS, WINDOW, shift=0)
    assert sum(parameter.numel() for parameter in block.parameters()) == 2_031


def test_stage_alternates_regular_and_shifted_windows() -> None:
    stage = swin_stage(CHANNELS, HEADS, window=7, depth=4)
    assert [block.attention.shift for block in stage] == [0, 3, 0, 3]


@pytest.mark.usefixtures("unchecked")
def test_compiled_block_agrees() -> None:
    block = SwinBlock(CHANNELS, HEADS, WINDOW, shift=2)
    features = torch.randn(2, 6, 8, CHANNELS)
    expected = block(features)
    found = torch.compile(block, backend="aot_eager", fullgraph=True)(features)
    torch.testing.assert_close(found, expected)
    gradients = [
        torch.autograd.grad(output.square().sum(), list(block.parameters()))
        for output in (found, expected)
    ]
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-3, atol=1e-4)
