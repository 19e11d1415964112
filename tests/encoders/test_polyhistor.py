import pytest
import torch
from torch import nn

from tests.fakes.backbones import TinySwinV2
from vtagml.adapters import HyperNetwork
from vtagml.backbone import Swin
from vtagml.encoders import Polyhistor


def test_count_on_swin_t() -> None:
    with torch.device("meta"):  # shapes alone
        network = Polyhistor(("a", "b", "c", "d"), Swin(weights=None))

    conditions = 16 * 64 + 128 * 64 + 64 + 64 * 64 + 64
    # Of each width d, from 64 numbers: factors d · 32 and twice d/2 · 32, biases d/2 and d.
    generated = 64 * sum(2 * width * 32 + width // 2 + width for width in (96, 192, 384, 768))
    assert conditions + generated == 6_049_920
    trained = sum(each.numel() for each in network.parameters() if each.requires_grad)
    assert trained == conditions + generated


def test_matrices_are_products_of_factors_that_have_one_in_common() -> None:
    network = Polyhistor(("a", "b"), TinySwinV2(), embedding=8, rank=3).double()
    assert isinstance(network.hypernetwork, HyperNetwork)
    for parameter in network.hypernetwork.parameters():
        nn.init.normal_(parameter)

    for weights in network.hypernetwork().values():
        both = torch.cat([weights.down, weights.up.mT], dim=-1)
        assert torch.linalg.matrix_rank(both).tolist() == [3, 3]


def test_what_a_bottleneck_reads_is_projected_as_by_a_new_linear_layer() -> None:
    network = Polyhistor(("a", "b"), Swin(weights=None))

    for weights in network.hypernetwork().values():
        channels = weights.down.shape[1]
        assert 0.85 < weights.down.std() * (3 * channels) ** 0.5 < 1.15
        assert not weights.up.any()


@pytest.mark.parametrize("rank", [0, 17])
def test_a_rank_that_does_not_fit_is_refused(rank: int) -> None:
    with pytest.raises(
        ValueError, match=rf"`rank` must lie between 1 and the 16 channels .* found {rank}"
    ):
        Polyhistor(("a", "b"), TinySwinV2(), rank=rank)
