"""Blocks and adapters beside a frozen block, by hand."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.fakes.backbones import FAMILIES, TinySwin, TinyViT, awake
from vtagml.adapters import FrozenBlock, SideAdapter, SideBlock, frozen_block
from vtagml.adapters.side_adapter import LocalBottleneck, Projection, SideMerging, SideOutlet
from vtagml.backbone import StagedBackbone

TASKS, BATCH, EMBEDDING, WIDTH = 3, 2, 5, 8


def shifted_block(family: type[StagedBackbone]) -> FrozenBlock:
    backbone = awake(family()).double().freeze()
    return frozen_block(backbone, backbone.stages[2].blocks[1]).for_image((96, 160))


def tokens_for(family: type[StagedBackbone], width: int, *leading: int) -> Tensor:
    grid = (1 + 6 * 10,) if family is TinyViT else (6, 10)
    return torch.randn(*leading, *grid, width, dtype=torch.float64)


def moved(module: nn.Module) -> nn.Module:
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.3)
    return module.double()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_side_block_by_hand(family: type[StagedBackbone]) -> None:
    block = shifted_block(family)
    seen = block.observed(tokens_for(family, block.channels, BATCH))
    stream = tokens_for(family, WIDTH, BATCH)
    side = moved(SideBlock(block, WIDTH, 5))
    assert isinstance(side, SideBlock)

    found = side(block, seen, stream)

    output = F.layer_norm(seen.tokens, (block.channels,))
    hidden = F.layer_norm(seen.hidden, (4 * block.channels,))
    expected = stream + side.output_reading.projection(output)
    expected = expected + side.hidden_reading.projection(hidden)
    expected = expected + side.attention(block, seen.weights, side.attention_norm(expected))
    down, up = side.bottleneck.down, side.bottleneck.up
    wide = down(side.bottleneck_norm(expected))
    prefix = 1 if family is TinyViT else 0
    grid = wide.flatten(1, -2)[:, prefix:].unflatten(1, (6, 10)).movedim(-1, 1)
    kernel = side.bottleneck.neighbours.weight
    mixed = F.conv2d(grid, kernel, padding=2, groups=WIDTH).flatten(2).movedim(1, -1)
    mixed = torch.cat([wide.flatten(1, -2)[:, :prefix], mixed], dim=1).view_as(wide)
    expected = expected + up(F.gelu(mixed))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    alone = side(block, seen, torch.zeros_like(stream))
    torch.testing.assert_close(side(block, seen, None), alone, rtol=0, atol=1e-12)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_adapter_by_hand(family: type[StagedBackbone]) -> None:
    block = shifted_block(family)
    weights = block.observed(tokens_for(family, block.channels, BATCH)).weights
    streams = tokens_for(family, WIDTH, TASKS, BATCH)
    embeddings = torch.randn(TASKS, EMBEDDING, dtype=torch.float64)
    adapter = moved(SideAdapter(block, EMBEDDING, WIDTH))
    assert isinstance(adapter, SideAdapter)

    found = adapter(block, weights, streams, embeddings)

    normalised = adapter.attention_norm(streams, embeddings)
    attended = streams + adapter.attention(block, weights, normalised, embeddings)
    expected = adapter.up(F.gelu(adapter.bottleneck_norm(attended, embeddings)))
    assert found.shape == (*streams.shape[:-1], block.channels)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_an_adapter_starts_as_nothing() -> None:
    block = shifted_block(TinySwin)
    weights = block.observed(tokens_for(TinySwin, block.channels, BATCH)).weights
    adapter = SideAdapter(block, EMBEDDING, WIDTH).double()

    streams = tokens_for(TinySwin, WIDTH, TASKS, BATCH)
    assert not adapter(block, weights, streams, torch.randn(TASKS, EMBEDDING).double()).any()


def test_an_outlet_starts_with_the_frozen_level() -> None:
    outlet = SideOutlet(6, 4, 2)
    tokens, stream = torch.randn(2, 3, 5, 6), torch.randn(2, 3, 5, 4)

    level, narrow = outlet(tokens, stream)

    assert torch.equal(level, tokens)
    torch.testing.assert_close(narrow, outlet.down(stream))
    nn.init.normal_(outlet.up.projection.weight)
    raised, _ = outlet(tokens, stream)
    torch.testing.assert_close(raised, tokens + outlet.up(stream))


def test_a_projection_reads_at_unit_scale_and_may_start_at_zero() -> None:
    tokens, projection = torch.randn(2, 4, 6), Projection(6, 3)

    torch.testing.assert_close(projection(1000 * tokens + 5), projection(1000 * tokens))
    assert projection(tokens).any()
    assert not Projection(6, 3, zero=True)(tokens).any()


def test_merging_lays_each_square_side_by_side() -> None:
    merging = SideMerging(2, 8)
    with torch.no_grad():
        merging.projection.weight.copy_(torch.eye(8))
        merging.projection.bias.zero_()
    stream = torch.randn(3, 4, 6, 2)

    merged = merging(stream)

    assert merged.shape == (3, 2, 3, 8)
    square = stream[1, 2:4, 4:6]
    torch.testing.assert_close(merged[1, 1, 2], square.flatten())


def test_neighbours_start_as_strangers() -> None:
    block = shifted_block(TinySwin)
    bottleneck, tokens = LocalBottleneck(WIDTH, 3).double(), tokens_for(TinySwin, WIDTH, BATCH)
    nn.init.normal_(bottleneck.up.weight)

    torch.testing.assert_close(bottleneck.of_grid(block, tokens), bottleneck(tokens))


def test_a_kernel_has_a_middle() -> None:
    with pytest.raises(ValueError, match=r"`kernel` must be an odd.*found 4"):
        LocalBottleneck(WIDTH, 4)
