import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from vtagml.tasks import MajorityPrior, MeanDirectionPrior, MeanPrior, Prior

NAN = torch.nan


def row(*values: float) -> Tensor:
    return torch.tensor(values)[None, None, None]


def test_mean_golden() -> None:
    prior = MeanPrior()
    prior.update(row(1.0, 2.0, NAN))
    prior.update(row(3.0, NAN, NAN))
    # Means 2 and 2; the last pixel was never known and gets the mean of all: (1 + 2 + 3) / 3.
    assert prior.compute().flatten().tolist() == [2, 2, 2]
    prior.update(row(8.0, NAN, NAN))
    # 4, 2, and (1 + 2 + 3 + 8) / 4.
    assert prior.compute().flatten().tolist() == [4, 2, 3.5]


def test_mean_direction_has_unit_length() -> None:
    prior = MeanDirectionPrior()
    prior.update(torch.tensor([1.0, 0.0, 0.0])[None, :, None, None])
    prior.update(torch.tensor([0.0, 0.0, -1.0])[None, :, None, None])
    expected = torch.tensor([0.5**0.5, 0.0, -(0.5**0.5)])
    torch.testing.assert_close(prior.compute().flatten(), expected)


def test_majority_golden() -> None:
    prior = MajorityPrior(3)
    # Pixel 0: 1, 1, 0; pixel 1: 2 (255 does not count); pixel 2 never: most pixels are 1.
    prior.update(torch.tensor([[[1, 255, 255]], [[1, 2, 255]], [[0, 255, 255]]]))
    assert prior.compute().flatten().tolist() == [1, 2, 1]


def test_majority_of_images() -> None:
    prior = MajorityPrior(4)
    prior.update(torch.tensor([0, 3, 255]))
    prior.update(torch.tensor([3, 255, 255]))
    assert prior.compute().item() == 3
    assert prior.compute().shape == ()


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), cut=st.integers(1, 4))
def test_batches_add_up(seed: int, cut: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(4, (5, 3, 4), generator=generator)
    map = torch.rand(5, 2, 3, 4, generator=generator)
    map[ids[:, None].expand_as(map) == 0] = NAN
    for make, target in ((lambda: MajorityPrior(4), ids), (MeanPrior, map)):
        once, twice = make(), make()
        once.update(target)
        twice.update(target[:cut])
        twice.update(target[cut:])
        torch.testing.assert_close(twice.compute(), once.compute())


def test_mean_is_the_best_constant_map() -> None:
    target = torch.rand(6, 1, 3, 4)
    prior = MeanPrior()
    prior.update(target)
    best = (target - prior.compute()).square().mean()
    assert best < (target - prior.compute() - 0.01 * torch.randn(1, 3, 4)).square().mean()


@pytest.mark.parametrize("prior", [MeanPrior(), MajorityPrior(3)], ids=["mean", "majority"])
def test_without_a_label_is_an_error(prior: Prior) -> None:
    with pytest.raises(ValueError, match="needs at least one known label"):
        prior.compute()


def test_with_unknown_labels_only_is_an_error() -> None:
    mean, majority = MeanPrior(), MajorityPrior(3)
    mean.update(row(NAN, NAN))
    majority.update(torch.tensor([255, 255]))
    for prior in (mean, majority):
        with pytest.raises(ValueError, match="needs at least one known label"):
            prior.compute()
