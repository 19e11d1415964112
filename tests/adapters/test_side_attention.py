"""Attention with frozen weights: against a softmax over all tokens, per task."""

import pytest
import torch
from torch import Tensor, nn

from tests.fakes.backbones import FAMILIES, TinyViT, awake
from vtagml.adapters import FrozenBlock, SideAttention, TaskSideAttention, frozen_block
from vtagml.backbone import StagedBackbone

TASKS, BATCH, EMBEDDING, WIDTH = 3, 2, 5, 6
ROWS, COLUMNS = 6, 10  # no multiple of the windows of 4


def shifted_block(family: type[StagedBackbone]) -> FrozenBlock:
    backbone = awake(family()).double().freeze()
    size = (ROWS * 16, COLUMNS * 16)
    return frozen_block(backbone, backbone.stages[2].blocks[1]).for_image(size)


def tokens_for(family: type[StagedBackbone], width: int, *leading: int) -> Tensor:
    grid = (1 + ROWS * COLUMNS,) if family is TinyViT else (ROWS, COLUMNS)
    return torch.randn(*leading, *grid, width, dtype=torch.float64)


def moved(attention: nn.Module) -> nn.Module:
    for parameter in attention.parameters():
        nn.init.normal_(parameter, std=0.5)
    return attention.double()


@pytest.mark.parametrize("width", [8, 6])  # of Swin's four heads each its own, or two and two
@pytest.mark.parametrize("family", FAMILIES)
def test_each_head_gathers_its_own_values(family: type[StagedBackbone], width: int) -> None:
    block = shifted_block(family)
    logits, _ = block.attention(tokens_for(family, block.channels, BATCH))
    weights, narrow = logits.softmax(-1), tokens_for(family, width, BATCH)
    attention = moved(SideAttention(block, width))
    assert isinstance(attention, SideAttention)

    found = attention(block, weights, narrow)

    heads = 2 if width == 6 else block.heads
    gathered = []
    for head, values in enumerate(attention.values(narrow).chunk(heads, dim=-1)):
        group = weights.shape[2] // heads
        own = weights[:, :, head * group : (head + 1) * group].mean(2)
        gathered.append(block.restored(own @ block.windows(values), values))
    expected = attention.projection(torch.cat(gathered, dim=-1))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_task_s_attention_is_a_softmax_with_its_bias(family: type[StagedBackbone]) -> None:
    block = shifted_block(family)
    logits, _ = block.attention(tokens_for(family, block.channels, BATCH))
    weights, streams = logits.softmax(-1), tokens_for(family, WIDTH, TASKS, BATCH)
    attention = moved(TaskSideAttention(block, EMBEDDING, WIDTH))
    assert isinstance(attention, TaskSideAttention)
    embeddings = torch.randn(TASKS, EMBEDDING, dtype=torch.float64)

    found = attention(block, weights, streams, embeddings)

    bias = attention.bias(block, embeddings)
    assert bias.abs().max() > 0.5
    for task in range(TASKS):
        own = (weights.mean(2).log() + bias[task]).softmax(-1)
        values = attention.values(streams[task])
        expected = attention.projection(block.restored(own @ block.windows(values), values))
        torch.testing.assert_close(found[task], expected, rtol=0, atol=1e-12)


def test_weights_that_a_mask_leaves_nothing_of_are_zero() -> None:
    block = shifted_block(FAMILIES[0])

    weights = block.observed(tokens_for(FAMILIES[0], block.channels, BATCH)).weights

    assert (weights == 0).any()
    assert not ((weights > 0) & (weights < 1e-37)).any()
