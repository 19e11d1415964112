import pytest
import torch
from torch import nn

from vtagml.adapters import Bottleneck


def test_it_starts_as_nothing() -> None:
    assert not Bottleneck(9)(torch.randn(2, 4, 9)).any()


def test_the_middle_is_a_third() -> None:
    bottleneck = Bottleneck(96)

    assert bottleneck.down.out_features == 32
    assert bottleneck.up.in_features == 32


def test_it_is_not_linear() -> None:
    bottleneck = Bottleneck(6, 2)
    nn.init.normal_(bottleneck.up.weight)
    tokens = torch.randn(5, 6)

    assert not torch.allclose(bottleneck(2 * tokens), 2 * bottleneck(tokens), atol=1e-3)


@pytest.mark.parametrize("reduction", [0, 7])
def test_an_impossible_reduction_is_refused(reduction: int) -> None:
    with pytest.raises(ValueError, match=rf"`reduction`.*6 channels.*found {reduction}"):
        Bottleneck(6, reduction)
