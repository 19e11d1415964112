import pytest
import torch
from torch import Tensor, nn

from tests.fakes.backbones import TinySwinV2, TinyViT
from vtagml.adapters import (
    AttentionBias,
    BlockDiagonalBias,
    FrozenBlock,
    FullBias,
    NoBias,
    PerHeadBias,
    frozen_block,
)
from vtagml.backbone import StagedBackbone

LAYOUTS = [BlockDiagonalBias, FullBias, PerHeadBias]
EMBEDDING = 5


def block_of(backbone: StagedBackbone, stage: int = 3) -> FrozenBlock:
    return frozen_block(backbone, backbone.stages[stage].blocks[1])


def filled(bias: AttentionBias) -> AttentionBias:
    for parameter in bias.parameters():
        nn.init.normal_(parameter)
    return bias


def bias_of(bias: AttentionBias, block: FrozenBlock, tasks: int = 2) -> Tensor:
    return bias(block, torch.randn(tasks, EMBEDDING))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_it_starts_at_exactly_zero(layout: type[AttentionBias]) -> None:
    block = block_of(TinySwinV2())

    assert not bias_of(layout(block, EMBEDDING), block).any()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_everything_leaves_zero_in_two_steps(layout: type[AttentionBias]) -> None:
    block = block_of(TinySwinV2())
    bias = layout(block, EMBEDDING)
    optimizer = torch.optim.SGD(bias.parameters(), 0.1)

    for _ in range(2):
        optimizer.zero_grad()
        (bias_of(bias, block) - 1).square().sum().backward()
        optimizer.step()

    assert all(parameter.any() for parameter in bias.parameters())
    # γ's half of the generator is the one that A · γ + β would keep at zero.
    assert bias.film.generator.weight.chunk(2)[0].any()


def test_the_layout_is_block_diagonal() -> None:
    # 128 x 64 pixels make a map of 4 x 2 in the fourth stage: windows of height 4, width 2.
    block = block_of(TinySwinV2((128, 64)))
    bias = BlockDiagonalBias(block, EMBEDDING)
    assert block.window == (4, 2)
    assert bias.matrix.shape == (1, 4, 4, 4)
    with torch.no_grad():
        bias.matrix.copy_(torch.arange(1.0, 65.0).view(1, 4, 4, 4))

    laid_out = bias_of(bias, block, tasks=1)[0, 0]

    # Of the nominal 4 x 4 window's matrix [row, column, column of the key] the first two columns
    # remain: 1 2 / 5 6 for the first row, 16 more for each further row.
    first = torch.tensor([[1.0, 2.0], [5.0, 6.0]])
    expected = torch.block_diag(first, first + 16, first + 32, first + 48)
    assert torch.equal(laid_out, expected)


def test_scale_and_shift_belong_to_the_column_of_the_key() -> None:
    block = block_of(TinySwinV2())
    bias = BlockDiagonalBias(block, EMBEDDING)
    with torch.no_grad():
        bias.matrix.fill_(1.0)
        # γ = 0 1 2 3, β = 0 10 20 30
        bias.film.generator.bias.copy_(torch.tensor([0.0, 1, 2, 3, 0, 10, 20, 30]))

    row = bias_of(bias, block, tasks=1)[0, 0, 5]

    # Token 5 stands in the second row of the window: its keys are tokens 4 to 7.
    expected = torch.zeros(16)
    expected[4:8] = torch.tensor([1.0, 12.0, 23.0, 34.0])
    assert torch.equal(row, expected)


def test_the_full_layout_is_cropped_in_both_directions() -> None:
    block = block_of(TinySwinV2((128, 64)))
    bias = filled(FullBias(block, EMBEDDING))
    embeddings = torch.randn(1, EMBEDDING)
    scale, shift = bias.film(embeddings)

    laid_out = bias(block, embeddings)[0, 0]

    # Query in row 3, column 1 of the 4 x 2 window; key in row 2, column 0.
    expected = bias.matrix[0, 3, 1, 2, 0] * (1 + scale.view(4, 4)[2, 0]) + shift.view(4, 4)[2, 0]
    torch.testing.assert_close(laid_out[3 * 2 + 1, 2 * 2], expected)


def test_every_head_has_its_own_matrix() -> None:
    block = block_of(TinySwinV2())
    bias = bias_of(filled(PerHeadBias(block, EMBEDDING)), block)

    assert bias.shape == (2, block.heads, 16, 16)
    assert not torch.allclose(bias[:, 0], bias[:, 1])
    assert not bias[:, :, 0, 4:].any()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_matrix_has_the_same_shape_for_every_image_size(layout: type[AttentionBias]) -> None:
    small, large = block_of(TinySwinV2((64, 64))), block_of(TinySwinV2((256, 256)))
    assert small.window != large.window

    bias = filled(layout(small, EMBEDDING))
    bias.load_state_dict(layout(large, EMBEDDING).state_dict())

    assert not bias_of(bias, small).any()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_class_tokens_get_no_bias(layout: type[AttentionBias]) -> None:
    block = block_of(TinyViT((64, 96)))

    bias = bias_of(filled(layout(block, EMBEDDING)), block)

    assert bias.shape[-2:] == (1 + 4 * 6, 1 + 4 * 6)
    assert not bias[:, :, 0].any()
    assert not bias[:, :, :, 0].any()
    assert bias[:, :, 1, 1].all()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_on_a_vit_it_is_resized_to_the_image(layout: type[AttentionBias]) -> None:
    block = block_of(TinyViT((64, 96)))
    bias = layout(block, EMBEDDING)
    nn.init.ones_(bias.matrix)

    # Twice as high and wide: a grid of 8 x 12. What is constant remains so.
    laid_out = bias_of(bias, block.for_image((128, 192)))[:, :, 1:, 1:]

    assert laid_out.shape[-2:] == (96, 96)
    within_row = laid_out[:, :, :12, :12]
    torch.testing.assert_close(within_row, torch.ones_like(within_row))
    if layout is not FullBias:
        assert not laid_out[:, :, :12, 12:].any()


@pytest.mark.parametrize("family", [TinySwinV2, TinyViT])
def test_without_a_bias_every_task_attends_as_the_frozen_block(
    family: type[StagedBackbone],
) -> None:
    block = block_of(family())
    bias = NoBias(block, EMBEDDING)
    found = bias_of(bias, block)
    assert not [*bias.parameters()]
    assert found.shape == bias_of(FullBias(block, EMBEDDING), block).shape
    assert not found.any()
