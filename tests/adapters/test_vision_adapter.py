from functools import partial

import pytest
import torch
from torch import Tensor, nn

from tests.fakes.backbones import FAMILIES, TinySwin, TinySwinV2, TinyViT, awake
from vtagml.adapters import (
    Adapter,
    FrozenBlock,
    FullBias,
    LiteralTaskScaledNorm,
    LiteralVisionAdapter,
    SkiplessVisionAdapter,
    VisionAdapter,
    frozen_block,
)
from vtagml.backbone import StagedBackbone

TASKS, BATCH, EMBEDDING = 2, 1, 5
BOTH = [VisionAdapter, LiteralVisionAdapter]


def shifted_block(family: type[StagedBackbone]) -> FrozenBlock:
    backbone = awake(family()).double().freeze()
    return frozen_block(backbone, backbone.stages[2].blocks[1]).for_image((96, 160))


def streams_for(block: FrozenBlock, family: type[StagedBackbone]) -> Tensor:
    tokens = (1 + 6 * 10,) if family is TinyViT else (6, 10)
    return torch.randn(TASKS, BATCH, *tokens, block.channels, dtype=torch.float64)


def embeddings() -> Tensor:
    return torch.randn(TASKS, EMBEDDING, dtype=torch.float64)


def trained(adapter: Adapter) -> Adapter:
    for parameter in adapter.parameters():
        nn.init.normal_(parameter, std=0.3)
    return adapter.double()


@pytest.mark.parametrize("family", FAMILIES)
def test_it_starts_as_the_frozen_block(family: type[StagedBackbone]) -> None:
    block = shifted_block(family)
    streams = streams_for(block, family)
    adapter = VisionAdapter(block, EMBEDDING, skip=True).double()

    output, _ = adapter(block, streams, embeddings(), torch.randn_like(streams))

    expected = block.block(streams.flatten(0, 1)).unflatten(0, (TASKS, BATCH))
    torch.testing.assert_close(output, expected, rtol=0, atol=1e-12)
    assert (output - streams).abs().mean() > 0.01


@pytest.mark.parametrize("family", FAMILIES)
def test_the_literal_wiring_by_hand(family: type[StagedBackbone]) -> None:
    block = shifted_block(family)
    streams, tasks = streams_for(block, family), embeddings()
    previous = torch.randn_like(streams)
    adapter = LiteralVisionAdapter(block, EMBEDDING, skip=True)
    trained(adapter)
    first, second = block.leading_norms

    output, point = adapter(block, streams, tasks, previous)

    activation = second(streams + adapter.attention(block, first(streams), tasks))
    summed = block.feed_forward(activation) + activation
    fed = adapter.bottleneck_norm(summed, tasks) + previous
    expected = adapter.output_norm(adapter.bottleneck(fed) + activation, tasks)
    torch.testing.assert_close(point, fed, rtol=0, atol=1e-12)
    torch.testing.assert_close(output, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_bottleneck_s_norm_starts_at_unit_scale(family: type[StagedBackbone]) -> None:
    block = shifted_block(family)
    norm = VisionAdapter(block, 8, skip=False).bottleneck_norm
    assert torch.equal(norm.weight, torch.ones(block.channels))
    assert not norm.bias.any()


def test_literal_norms_on_a_post_norm_block_start_at_unit_scale() -> None:
    adapter = LiteralVisionAdapter(shifted_block(TinySwinV2), EMBEDDING, skip=False)

    assert torch.equal(adapter.output_norm.weight, torch.ones(64))
    assert torch.equal(adapter.bottleneck_norm.bias, torch.zeros(64))


def test_literal_norms_on_a_pre_norm_block_start_as_its_own() -> None:
    block = shifted_block(TinySwin)
    adapter = LiteralVisionAdapter(block, EMBEDDING, skip=False)

    assert torch.equal(adapter.output_norm.weight, block.norms[1].weight)


@pytest.mark.parametrize("wiring", BOTH)
def test_the_skip_reaches_output_and_point(wiring: type[Adapter]) -> None:
    block = shifted_block(TinySwinV2)
    streams, tasks = streams_for(block, TinySwinV2), embeddings()
    adapter = trained(wiring(block, EMBEDDING, skip=True))

    with_skip = adapter(block, streams, tasks, torch.randn_like(streams))
    without = adapter(block, streams, tasks, torch.zeros_like(streams))

    for one, other in zip(with_skip, without, strict=True):
        assert not torch.allclose(one, other, atol=1e-3)


@pytest.mark.parametrize("wiring", BOTH)
def test_tasks_part_by_their_embeddings_only(wiring: type[Adapter]) -> None:
    block = shifted_block(TinySwinV2)
    streams = streams_for(block, TinySwinV2)[:1].expand(3, -1, -1, -1, -1)
    tasks = embeddings()[[0, 1, 0]]
    adapter = trained(wiring(block, EMBEDDING, skip=False))

    output, _ = adapter(block, streams, tasks)

    torch.testing.assert_close(output[0], output[2], rtol=0, atol=1e-12)
    assert not torch.allclose(output[0], output[1], atol=1e-3)


@pytest.mark.parametrize("wiring", BOTH)
@pytest.mark.parametrize("family", FAMILIES)
def test_streams_that_are_alike_may_share_work(
    family: type[StagedBackbone], wiring: type[Adapter]
) -> None:
    block = shifted_block(family)
    streams = streams_for(block, family)[:1].expand(TASKS, *[-1] * (4 - (family is TinyViT)))
    tasks = embeddings()
    adapter = trained(wiring(block, EMBEDDING, skip=False))

    apart, _ = adapter(block, streams, tasks, alike=False)
    together, _ = adapter(block, streams, tasks, alike=True)

    torch.testing.assert_close(together, apart, rtol=0, atol=1e-12)


@pytest.mark.parametrize("wiring", BOTH)
def test_it_holds_nothing_of_the_frozen_block(wiring: type[Adapter]) -> None:
    block = shifted_block(TinyViT)
    frozen = {id(parameter) for parameter in block.block.parameters()}

    adapter = wiring(block, EMBEDDING, skip=True)

    assert all(parameter.requires_grad for parameter in adapter.parameters())
    assert not frozen & {id(parameter) for parameter in adapter.parameters()}


def test_only_an_adapter_with_a_skip_has_a_gate() -> None:
    block = shifted_block(TinySwinV2)

    assert VisionAdapter(block, EMBEDDING, skip=False).gate is None
    assert "gate" in VisionAdapter(block, EMBEDDING, skip=True).state_dict()


def test_without_skips_what_is_sent_is_not_read() -> None:
    block = shifted_block(TinySwinV2)
    adapter = trained(SkiplessVisionAdapter(block, EMBEDDING, skip=True))
    streams, tasks = streams_for(block, TinySwinV2), embeddings()
    assert adapter.gate is None
    output, _ = adapter(block, streams, tasks, torch.randn_like(streams))
    assert torch.equal(output, adapter(block, streams, tasks)[0])


@pytest.mark.parametrize("wiring", BOTH)
def test_its_parts_can_be_exchanged(wiring: type[Adapter]) -> None:
    block = shifted_block(TinySwinV2)

    adapter = partial(wiring, bias=FullBias, norm=LiteralTaskScaledNorm, reduction=8)(
        block, EMBEDDING, skip=False
    )

    assert isinstance(adapter.attention.bias, FullBias)
    assert isinstance(adapter.bottleneck_norm, LiteralTaskScaledNorm)
    assert adapter.bottleneck.down.out_features == 8
