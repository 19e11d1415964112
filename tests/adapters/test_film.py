import torch

from vtagml.adapters.film import FiLM, over_tokens


def test_it_starts_at_exactly_zero() -> None:
    scale, shift = FiLM(5, 3)(torch.randn(2, 5))

    assert scale.shape == shift.shape == (2, 3)
    assert not scale.any()
    assert not shift.any()


def test_scale_and_shift_are_the_halves_of_one_linear_layer() -> None:
    film = FiLM(2, 1)
    with torch.no_grad():
        film.generator.weight.copy_(torch.tensor([[1.0, 2.0], [10.0, 0.0]]))
        film.generator.bias.copy_(torch.tensor([0.5, 0.25]))

    scale, shift = film(torch.tensor([[1.0, 3.0]]))

    assert scale.item() == 1 + 2 * 3 + 0.5
    assert shift.item() == 10 + 0.25


def test_over_tokens_keeps_a_task_s_modulation_with_its_stream() -> None:
    modulation = torch.tensor([[1.0, 2.0], [3.0, 4.0]])

    modulated = torch.ones(2, 3, 5, 7, 2) * over_tokens(modulation, torch.ones(2, 3, 5, 7, 2))

    assert torch.equal(modulated[1, 2, 4, 6], modulation[1])
    assert torch.equal(modulated[0, 0, 0, 0], modulation[0])
