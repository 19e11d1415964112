import pytest
import torch
from torch import nn

from vtagml.adapters import CommonNorm, LiteralTaskScaledNorm, TaskScaledNorm


def trained_norm() -> nn.LayerNorm:
    norm = nn.LayerNorm(6, eps=1e-3)
    nn.init.normal_(norm.weight, 0.5)
    nn.init.normal_(norm.bias)
    return norm.double()


def modulated(norm: TaskScaledNorm, scale: float, shift: float) -> TaskScaledNorm:
    """Gives γ and β the same value for every channel and task."""
    with torch.no_grad():
        norm.film.generator.bias[:6] = scale
        norm.film.generator.bias[6:] = shift
    return norm


def test_it_starts_as_the_norm_it_replaces() -> None:
    norm = trained_norm()
    streams = torch.randn(2, 3, 4, 5, 6, dtype=torch.float64) * 7 + 2
    replaced = TaskScaledNorm(norm, 8).double()

    output = replaced(streams, torch.randn(2, 8, dtype=torch.float64))

    torch.testing.assert_close(output, norm(streams), rtol=0, atol=1e-12)


def test_it_leaves_the_replaced_norm_alone() -> None:
    norm = trained_norm()
    before = norm.weight.detach().clone()
    replaced = TaskScaledNorm(norm, 8)

    nn.init.zeros_(replaced.weight)

    assert torch.equal(norm.weight, before)


def test_golden_modulation() -> None:
    norm = modulated(TaskScaledNorm(trained_norm(), 4).double(), scale=1.0, shift=10.0)
    streams = torch.randn(1, 2, 3, 6, dtype=torch.float64)
    deviation = (streams.var(-1, correction=0, keepdim=True) + 1e-3).sqrt()
    normalised = (streams - streams.mean(-1, keepdim=True)) / deviation

    output = norm(streams, torch.randn(1, 4, dtype=torch.float64))

    # γ = 1 doubles the scale γ', β = 10 adds to β'.
    expected = normalised * norm.weight * 2 + norm.bias + 10
    torch.testing.assert_close(output, expected, rtol=0, atol=1e-12)


def test_the_literal_form_by_hand() -> None:
    norm = modulated(LiteralTaskScaledNorm(trained_norm(), 4).double(), scale=1.0, shift=10.0)
    streams = torch.randn(1, 2, 3, 6, dtype=torch.float64)
    deviation = (streams.var(-1, correction=0, keepdim=True) + 1e-3).sqrt()
    normalised = (streams - streams.mean(-1, keepdim=True)) / deviation

    output = norm(streams, torch.randn(1, 4, dtype=torch.float64))

    # Its γ starts at one, so 1 + 1 = 2 here; β' stands in the scale.
    expected = normalised * (norm.weight * 2 + norm.bias) + 10
    torch.testing.assert_close(output, expected, rtol=0, atol=1e-12)


def test_each_stream_is_modulated_for_its_own_task() -> None:
    norm = TaskScaledNorm(nn.LayerNorm(6), 4)
    nn.init.normal_(norm.film.generator.weight)
    streams = torch.randn(1, 2, 3, 6).expand(3, -1, -1, -1)
    embeddings = torch.randn(2, 4)[[0, 1, 0]]

    output = norm(streams, embeddings)

    assert torch.equal(output[0], output[2])
    assert not torch.allclose(output[0], output[1], atol=1e-2)


@pytest.mark.parametrize("form", [TaskScaledNorm, LiteralTaskScaledNorm])
def test_a_norm_without_scale_counts_as_neutral(form: type[TaskScaledNorm]) -> None:
    norm = form(nn.LayerNorm(6, elementwise_affine=False), 4)
    streams = torch.randn(1, 2, 3, 6)

    torch.testing.assert_close(
        norm(streams, torch.randn(1, 4)), torch.nn.functional.layer_norm(streams, (6,))
    )


def test_a_common_norm_is_a_layer_norm_whatever_the_task() -> None:
    pretrained = trained_norm()
    norm = CommonNorm(pretrained, 4)
    assert {name for name, _ in norm.named_parameters()} == {"weight", "bias"}
    streams = torch.randn(2, 1, 3, *pretrained.normalized_shape, dtype=pretrained.weight.dtype)
    found = norm(streams, torch.randn(2, 4))
    torch.testing.assert_close(found, pretrained(streams))
