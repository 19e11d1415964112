"""Task-adapted attention as it is written out, beside torch's fused forms of the same."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention.flex_attention import flex_attention

from tests.benchmarks.bench import Bench

TASKS, BATCH, HEADS, HEAD = 4, 8, 6, 32
WINDOWS = {64: 4, 256: 1}
"""By the tokens of a window, how many of them a map of 16² has."""
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")

Attend = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def written_out(queries: Tensor, keys: Tensor, values: Tensor, added: Tensor) -> Tensor:
    """What `TaskAdaptedAttention` computes: A', position bias and mask are added to all logits."""
    return (queries @ keys.transpose(-2, -1) + added.unsqueeze(1)).softmax(-1) @ values


def fused(queries: Tensor, keys: Tensor, values: Tensor, added: Tensor) -> Tensor:
    mask = added.unsqueeze(1).expand(-1, queries.shape[1], -1, -1, -1, -1).flatten(0, 2)
    folded = (each.flatten(0, 2) for each in (queries, keys, values))
    attended = F.scaled_dot_product_attention(*folded, attn_mask=mask, scale=1.0)
    return attended.view_as(values)


def flexible(queries: Tensor, keys: Tensor, values: Tensor, added: Tensor) -> Tensor:
    windows = added.flatten(0, 1)
    per_task = queries.shape[1:3].numel()

    def score(logit: Tensor, batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        window = batch // per_task * queries.shape[2] + batch % queries.shape[2]
        return logit + windows[window, head, query, key]

    folded = (each.flatten(0, 2) for each in (queries, keys, values))
    attended = flex_attention(*folded, score_mod=score, scale=1.0)
    assert isinstance(attended, Tensor)
    return attended.view_as(values)


def alternatives() -> dict[str, Attend]:
    found = {"written out": written_out, "scaled_dot_product_attention": fused}
    if DEVICE.type == "cuda":  # on a CPU it has no backward
        found["flex_attention, compiled"] = torch.compile(flexible)
    return found


@pytest.mark.parametrize("tokens", WINDOWS)
@pytest.mark.parametrize("trains", [True, False], ids=["training", "inference"])
def test_attention(tokens: int, trains: bool, bench: Bench) -> None:
    shape = (TASKS, BATCH, WINDOWS[tokens], HEADS, tokens)
    random = partial(torch.randn, device=DEVICE, requires_grad=trains)
    inputs = [random(*shape, HEAD) for _ in range(3)]
    inputs.append(random(TASKS, *shape[2:], tokens))

    def run(attend: Attend) -> None:
        with torch.set_grad_enabled(trains):
            attended = attend(*inputs)
        if trains:
            attended.sum().backward()
        if DEVICE.type == "cuda":
            torch.cuda.synchronize()

    expected = written_out(*inputs)
    for attend in alternatives().values():
        torch.testing.assert_close(attend(*inputs), expected, rtol=1e-3, atol=1e-4)
    bench.time(
        f"attention in windows of {tokens} tokens on {DEVICE.type}, "
        f"{'forward and backward' if trains else 'forward'} / written out",
        {name: partial(run, attend) for name, attend in alternatives().items()},
    )
