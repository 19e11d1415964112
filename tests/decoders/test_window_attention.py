"""Against dense attention over the whole map, with the pairs that may not meet masked out."""

import pytest
import torch
from torch import Tensor

from vtagml.decoders.window_attention import WindowAttention, merge, partition


def dense_attention(layer: WindowAttention, features: Tensor) -> Tensor:
    """Attention over all tokens; two meet if they fall into the same displaced window."""
    batch, height, width, channels = features.shape
    grid = torch.cartesian_prod(torch.arange(height), torch.arange(width))
    shift = torch.tensor([layer.shift * (side > layer.window) for side in (height, width)])
    windows = torch.div(grid - shift, layer.window, rounding_mode="floor")
    meet = (windows[:, None] == windows[None, :]).all(-1)
    offset = (grid[:, None] - grid[None, :]).clamp(1 - layer.window, layer.window - 1)
    offset = offset + layer.window - 1
    bias = layer.bias[:, offset[..., 0], offset[..., 1]]
    tokens = layer.project(features.reshape(batch, -1, channels))
    query, key, value = tokens.reshape(batch, height * width, 3, layer.heads, -1).unbind(2)
    depth = channels // layer.heads
    scores = torch.einsum("bqhc,bkhc->bhqk", query, key) / depth**0.5 + bias
    weights = scores.masked_fill(~meet, float("-inf")).softmax(-1)
    mixed = torch.einsum("bhqk,bkhc->bqhc", weights, value).reshape(batch, -1, channels)
    return layer.out(mixed).reshape(features.shape)


@pytest.mark.parametrize("shift", [0, 1])  # half a window is the same either way
@pytest.mark.parametrize("size", [(8, 12), (5, 9), (4, 4), (1, 1), (3, 8), (9, 2)])
def test_equals_masked_dense_attention(shift: int, size: tuple[int, int]) -> None:
    # Windows of 4: divided evenly, padded, covered by one window, smaller than one window.
    layer = WindowAttention(channels=6, heads=2, window=4, shift=shift).double()
    torch.nn.init.normal_(layer.bias)
    features = torch.randn(2, *size, 6, dtype=torch.float64, requires_grad=True)
    found, expected = layer(features), dense_attention(layer, features)
    torch.testing.assert_close(found, expected)
    weights = torch.randn_like(found)
    gradients = [
        torch.autograd.grad((output * weights).sum(), [features, *layer.parameters()])
        for output in (found, expected)
    ]
    torch.testing.assert_close(gradients[0], gradients[1])


def test_window_of_one_token_attends_to_itself() -> None:
    layer = WindowAttention(channels=4, heads=2, window=1, shift=0)
    features = torch.randn(1, 3, 3, 4)
    value = layer.project(features)[..., 8:]
    torch.testing.assert_close(layer(features), layer.out(value))


def test_partition_keeps_rows_and_columns_apart() -> None:
    # 2 x 4 tokens 0..7 in windows of 2 x 2: the left one holds 0, 1 and 4, 5.
    features = torch.arange(8.0).reshape(1, 2, 4, 1)
    windows = partition(features, (2, 2))
    assert windows[0, :, :, 0].tolist() == [[0, 1, 4, 5], [2, 3, 6, 7]]
    assert torch.equal(merge(windows, (2, 2), (2, 4)), features)
