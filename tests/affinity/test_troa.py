import logging
import math

import pytest
import torch
from torch import Tensor

from vtagml.affinity import TAWT, TROA, Gram, PrintedTROA, Shuffled

TASKS = ["a", "b", "c"]
SIMILAR = ((1.0, 0.6, 0.3), (0.6, 1.0, 0.1), (0.3, 0.1, 1.0))


def gram_with(cosines: Tensor) -> Gram:
    return Gram(cosines.nan_to_num(0.0), (~cosines.isnan()).double())


def constant() -> Tensor:
    return torch.tensor(SIMILAR, dtype=torch.float64)


def random_cosines(count: int) -> list[Tensor]:
    generator = torch.manual_seed(0)
    drawn = torch.rand(count, 3, 3, generator=generator, dtype=torch.float64) * 2 - 1
    return list((drawn + drawn.mT) / 2)


@pytest.mark.parametrize("rho", [0.0, 0.1, 0.3, 1.0])
def test_omega_equals_a_literal_mirror_descent(rho: float) -> None:
    kappa = 0.8
    affinity = TROA(TASKS, kappa=kappa, rho=rho, start=0, every=1)
    omega = torch.full((3, 3), 1 / 3, dtype=torch.float64)
    for cosines in random_cosines(12):
        affinity.observe(gram_with(cosines))
        omega = omega ** (1 - rho) * (1 / 3) ** rho * (kappa * cosines).exp()
        omega = omega / omega.sum(1, keepdim=True)
        torch.testing.assert_close(affinity.affinities(), omega, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("rho", [0.05, 0.3, 1.0])
def test_omega_equals_the_softmax_of_the_exponential_mean(rho: float) -> None:
    kappa, every = 1.3, 4
    affinity = TROA(TASKS, kappa=kappa, rho=rho, start=0, every=every)
    mean = torch.zeros(3, 3, dtype=torch.float64)
    cosines = random_cosines(24)
    for first in range(0, 24, every):
        window = cosines[first : first + every]
        for each in window:
            affinity.observe(gram_with(each))
        mean = (1 - rho) * mean + rho * torch.stack(window).mean(0)
        expected = (kappa / rho * mean).softmax(1)
        torch.testing.assert_close(affinity.affinities(), expected, rtol=1e-12, atol=1e-12)


def test_with_missing_pairs_omega_is_the_softmax_of_the_mean_that_they_kept() -> None:
    rho = 0.3
    affinity = TROA(TASKS, rho=rho, start=0, every=1)
    mean = torch.zeros(3, 3, dtype=torch.float64)
    for index, cosines in enumerate(random_cosines(9)):
        if index % 3:
            cosines[0, 1] = cosines[1, 0] = math.nan
        affinity.observe(gram_with(cosines))
        mean = torch.where(cosines.isnan(), mean, (1 - rho) * mean + rho * cosines)
    torch.testing.assert_close(
        affinity.affinities(), (mean / rho).softmax(1), rtol=1e-12, atol=1e-12
    )


def test_similarities_of_the_hand_worked_row_after_one_update() -> None:
    affinity = TROA(TASKS, rho=0.0, start=0, every=1)
    affinity.observe(gram_with(constant()))
    # exp(1) = 2.718, exp(.6) = 1.822, exp(.3) = 1.350, divided by their sum 5.890.
    torch.testing.assert_close(
        affinity.omega[0], torch.tensor([0.4615, 0.3094, 0.2292]), rtol=0, atol=1e-4
    )


def test_without_regularisation_omega_collapses_to_the_identity_within_ten_updates() -> None:
    affinity = TROA(TASKS, rho=0.0, start=0, every=1)
    for _ in range(10):
        affinity.observe(gram_with(constant()))
    # The nearest rival of a diagonal entry is e^{-10·0.4} = 0.018 of it.
    assert affinity.omega.diagonal().min() > 0.97


def test_with_the_printed_sign_a_task_loses_its_own_weight() -> None:
    affinity = PrintedTROA(TASKS, rho=0.0, start=0, every=1)
    for _ in range(10):
        affinity.observe(gram_with(constant()))
    assert affinity.omega.diagonal().max() < 0.01
    assert affinity.omega[0].argmax().item() == 2


@pytest.mark.parametrize("rho", [0.1, 0.3])
def test_with_regularisation_omega_comes_to_rest_at_the_fixed_point(rho: float) -> None:
    affinity = TROA(TASKS, rho=rho, start=0, every=1)
    for _ in range(400):
        affinity.observe(gram_with(constant()))
    expected = (constant() / rho).softmax(1)
    torch.testing.assert_close(affinity.affinities(), expected, rtol=0, atol=1e-12)


def test_loss_weights_stay_near_one_for_symmetric_similarities() -> None:
    for rho in (0.1, 0.3, 1.0):
        affinity = TROA(TASKS, rho=rho, start=0, every=1)
        for _ in range(100):
            affinity.observe(gram_with(constant()))
        assert (affinity.weights - 1).abs().max() < 0.15


def test_updates_wait_for_the_start_and_then_for_a_full_window() -> None:
    affinity = TROA(TASKS, rho=1.0, start=3, every=2)
    uniform = torch.full((3, 3), 1 / 3)
    for _ in range(4):
        # Cosines of the warm-up, and one of the window, which is not yet full at step 4.
        affinity.observe(gram_with(constant()))
        assert torch.equal(affinity.omega, uniform)
    affinity.observe(gram_with(torch.zeros(3, 3, dtype=torch.float64)))
    # The window holds the steps 4 and 5 only: half of the constant cosines.
    torch.testing.assert_close(affinity.affinities(), (constant() / 2).softmax(1))


def test_a_window_averages_the_steps_in_which_the_pair_was_seen() -> None:
    affinity = TROA(TASKS, rho=1.0, start=0, every=3)
    absent = constant()
    absent[0, 1] = absent[1, 0] = math.nan
    for cosines in (absent, constant(), absent):
        affinity.observe(gram_with(cosines))
    torch.testing.assert_close(affinity.affinities(), constant().softmax(1))


def test_tawt_is_troa_without_regularisation_in_rare_updates() -> None:
    tawt, troa = TAWT(TASKS, every=2), TROA(TASKS, rho=0.0, start=0, every=2)
    for cosines in random_cosines(7):
        tawt.observe(gram_with(cosines))
        troa.observe(gram_with(cosines))
    assert torch.equal(tawt.omega, troa.omega)
    assert TAWT(TASKS).every == 1000


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_shuffled_keeps_the_diagonal_and_the_values_of_each_row(seed: int) -> None:
    names = ["a", "b", "c", "d", "e"]
    shuffled = Shuffled(names, start=0, every=1, seed=seed)
    troa = TROA(names, start=0, every=1)
    drawn = torch.rand(5, 5, generator=torch.manual_seed(seed), dtype=torch.float64)
    for affinity in (shuffled, troa):
        affinity.observe(gram_with(drawn + drawn.T - 1))
    found, original = shuffled.omega, troa.omega
    assert torch.equal(found.diagonal(), original.diagonal())
    assert torch.equal(found.sort(1).values, original.sort(1).values)
    off_diagonal = ~torch.eye(5, dtype=torch.bool)
    assert (found != original)[off_diagonal].all()
    assert torch.equal(shuffled.weights, troa.weights)  # the pairing alone is another
    assert not torch.allclose(found.sum(0), original.sum(0))


def test_shuffled_depends_on_the_seed_alone() -> None:
    names = list("abcdefgh")
    assert torch.equal(Shuffled(names, seed=4).permutation, Shuffled(names, seed=4).permutation)
    assert not torch.equal(Shuffled(names, seed=4).permutation, Shuffled(names, seed=5).permutation)


def test_shuffling_two_tasks_says_that_it_does_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        Shuffled(["a", "b"])
    assert "`Shuffled` equals `TROA`" in caplog.text


@pytest.mark.parametrize("kappa", [0.0, -1.0, math.inf, math.nan])
def test_kappa_must_be_positive_and_finite(kappa: float) -> None:
    with pytest.raises(ValueError, match="`kappa` must be a positive number"):
        TROA(TASKS, kappa=kappa)


@pytest.mark.parametrize("rho", [-0.1, 1.1, math.nan])
def test_rho_must_be_a_share(rho: float) -> None:
    with pytest.raises(ValueError, match="`rho` must be from 0"):
        TROA(TASKS, rho=rho)


def test_start_and_every_must_be_numbers_of_steps() -> None:
    with pytest.raises(ValueError, match="`start` must be 0 or a number of steps, found -1"):
        TROA(TASKS, start=-1)
    with pytest.raises(ValueError, match="`every` must be at least 1 step, found 0"):
        TROA(TASKS, every=0)
