import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.fakes.backbones import FAMILIES, TinySwin, TinySwinV2, TinyViT, awake
from vtagml.adapters import (
    AttentionBias,
    BlockDiagonalBias,
    FrozenBlock,
    FullBias,
    PerHeadBias,
    TaskAdaptedAttention,
    frozen_block,
)
from vtagml.adapters.task_adapted_attention import once, per_stream
from vtagml.backbone import StagedBackbone

TASKS, BATCH, EMBEDDING = 3, 2, 5
ROWS, COLUMNS = 6, 10  # no multiple of the windows of 4


def shifted_block(family: type[StagedBackbone]) -> FrozenBlock:
    backbone = awake(family()).double().freeze()
    size = (ROWS * 16, COLUMNS * 16)
    return frozen_block(backbone, backbone.stages[2].blocks[1]).for_image(size)


def streams_for(block: FrozenBlock, tasks: int = TASKS) -> Tensor:
    vit = isinstance(block.block.attn.qkv, nn.Linear) and not hasattr(block.block, "window_size")
    tokens = (1 + ROWS * COLUMNS,) if vit else (ROWS, COLUMNS)
    return torch.randn(tasks, BATCH, *tokens, block.channels, dtype=torch.float64)


def adapted(
    block: FrozenBlock, bias: type[AttentionBias] = BlockDiagonalBias
) -> TaskAdaptedAttention:
    """Returns an attention whose bias has left zero."""
    attention = TaskAdaptedAttention(block, EMBEDDING, bias).double()
    for parameter in attention.parameters():
        nn.init.normal_(parameter)
    return attention


def embeddings(tasks: int = TASKS) -> Tensor:
    return torch.randn(tasks, EMBEDDING, dtype=torch.float64)


@pytest.mark.parametrize("family", FAMILIES)
def test_with_a_zero_bias_it_is_the_block_s_attention(family: type[StagedBackbone]) -> None:
    block = shifted_block(family)
    streams = streams_for(block)

    output = TaskAdaptedAttention(block, EMBEDDING).double()(block, streams, embeddings())

    plain = block.block._attn if hasattr(block.block, "_attn") else block.block.attn
    expected = plain(streams.flatten(0, 1)).unflatten(0, (TASKS, BATCH))
    torch.testing.assert_close(output, expected, rtol=0, atol=1e-12)


def window_by_window(block: FrozenBlock, tokens: Tensor, bias: Tensor) -> Tensor:
    """Computes Swin V2's shifted attention of one image, a window at a time."""
    attention = block.block.attn
    side, shift, heads = 4, 2, block.heads
    padded_rows, padded_columns = math.ceil(ROWS / side) * side, math.ceil(COLUMNS / side) * side
    output = torch.zeros_like(tokens)

    def region(index: int, length: int) -> int:
        return 0 if index < length - side else 1 if index < length - shift else 2

    for top in range(0, padded_rows, side):
        for left in range(0, padded_columns, side):
            places = [(top + row, left + column) for row in range(side) for column in range(side)]
            inside = [row < ROWS and column < COLUMNS for row, column in places]
            source = [((row + shift) % ROWS, (column + shift) % COLUMNS) for row, column in places]
            window = torch.stack(
                [
                    tokens[place] if seen else torch.zeros_like(tokens[0, 0])
                    for place, seen in zip(source, inside, strict=True)
                ]
            )
            regions = [
                (region(row, padded_rows), region(column, padded_columns)) for row, column in places
            ]
            mask = torch.tensor([[0.0 if a == b else -100.0 for b in regions] for a in regions])
            attended = one_window(attention, window, heads, mask + bias, position(attention, side))
            for place, seen, value in zip(source, inside, attended, strict=True):
                if seen:
                    output[place] = value
    return output


def position(attention: nn.Module, side: int) -> Tensor:
    """Computes the continuous position bias from its formula, pair by pair."""
    places = [(row, column) for row in range(side) for column in range(side)]

    def scaled(offset: int) -> float:
        wide = 8 * offset / (side - 1)
        return math.copysign(math.log2(abs(wide) + 1) / math.log2(8), offset)

    offsets = [[(scaled(a[0] - b[0]), scaled(a[1] - b[1])) for b in places] for a in places]
    return 16 * torch.sigmoid(attention.cpb_mlp(torch.tensor(offsets, dtype=torch.float64)))


def one_window(
    attention: nn.Module, window: Tensor, heads: int, added: Tensor, position: Tensor
) -> Tensor:
    bias = torch.cat([attention.q_bias, torch.zeros_like(attention.q_bias), attention.v_bias])
    queries, keys, values = (window @ attention.qkv.weight.T + bias).chunk(3, dim=-1)
    outputs = []
    for head in range(heads):
        width = window.shape[-1] // heads
        part = slice(head * width, (head + 1) * width)
        cosine = F.cosine_similarity(queries[:, None, part], keys[None, :, part], dim=-1)
        scale = attention.logit_scale[head].clamp(max=math.log(100)).exp()
        logits = cosine * scale + position[:, :, head] + added
        outputs.append(logits.softmax(-1) @ values[:, part])
    return attention.proj(torch.cat(outputs, dim=-1))


def test_against_a_slow_reference_with_a_bias() -> None:
    block = shifted_block(TinySwinV2)
    with torch.no_grad():
        # The scale above the cap of 100 for one head, below it for the others.
        block.block.attn.logit_scale[0] = 6.0
    attention, streams, tasks = adapted(block), streams_for(block), embeddings()
    bias = attention.bias(block, tasks)

    output = attention(block, streams, tasks)

    for task in range(TASKS):
        for image in range(BATCH):
            expected = window_by_window(block, streams[task, image], bias[task, 0])
            torch.testing.assert_close(output[task, image], expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("bias", [BlockDiagonalBias, FullBias, PerHeadBias])
@pytest.mark.parametrize("family", [TinySwin, TinyViT])
def test_the_bias_adds_to_the_logits_of_every_window(
    family: type[StagedBackbone], bias: type[AttentionBias]
) -> None:
    block = shifted_block(family)
    attention, streams, tasks = adapted(block, bias), streams_for(block), embeddings()
    made = attention.bias(block, tasks).expand(-1, block.heads, -1, -1)

    output = attention(block, streams, tasks)

    for task in range(TASKS):
        logits, values = block.attention(streams[task])
        weights = torch.stack(
            [
                torch.stack([(head + made[task, h]).softmax(-1) for h, head in enumerate(window)])
                for window in logits.flatten(0, 1)
            ]
        ).view_as(logits)
        expected = block.gather(weights @ values, streams[task])
        torch.testing.assert_close(output[task], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("family", FAMILIES)
def test_computed_once_equals_computed_per_stream(family: type[StagedBackbone]) -> None:
    block = shifted_block(family)
    attention, tasks = adapted(block), embeddings()
    streams = streams_for(block, tasks=1).expand(TASKS, *[-1] * (4 - (family is TinyViT)))
    upstream = torch.randn_like(streams)
    results = []

    for alike in (False, True):
        leaf = streams.clone().requires_grad_()
        attention.zero_grad()
        output = attention(block, leaf, tasks, alike)
        output.backward(upstream)
        gradients = [parameter.grad for parameter in attention.parameters()]
        results.append([output, leaf.grad, *gradients])

    for apart, shared in zip(*results, strict=True):
        torch.testing.assert_close(shared, apart, rtol=0, atol=1e-12)
    gradient = results[1][1]
    assert gradient is not None
    assert not torch.allclose(gradient[0], gradient[1])


def test_once_calls_the_attention_with_one_stream_only() -> None:
    block = shifted_block(TinySwinV2)
    batches: list[int] = []

    def counted(tokens: Tensor) -> tuple[Tensor, Tensor]:
        batches.append(len(tokens))
        return block.attention(tokens)

    streams = streams_for(block, tasks=1).expand(TASKS, -1, -1, -1, -1)
    shared, apart = once(counted, streams), per_stream(counted, streams)

    assert batches == [BATCH, TASKS * BATCH]
    assert shared.logits.shape == apart.logits.shape
    assert shared.values.grad_fn is None or not shared.values.requires_grad


def test_a_graph_that_is_kept_can_be_gone_through_again() -> None:
    block = shifted_block(TinySwinV2)
    streams = streams_for(block)[:1].expand(TASKS, -1, -1, -1, -1).clone().requires_grad_()
    total = once(block.attention, streams).logits.square().sum()
    (first,) = torch.autograd.grad(total, streams, retain_graph=True)
    (second,) = torch.autograd.grad(total, streams)
    assert first.any()
    assert torch.equal(first, second)


def test_only_the_bias_trains() -> None:
    block = shifted_block(TinySwinV2)
    attention = TaskAdaptedAttention(block, EMBEDDING)

    assert {name.split(".")[0] for name, _ in attention.named_parameters()} == {"bias"}
