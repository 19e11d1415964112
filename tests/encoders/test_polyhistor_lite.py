import pytest
import torch
from torch import Tensor, nn

from tests.fakes.backbones import TinySwinV2, TinyViT
from vtagml.adapters import ScaledHyperNetwork
from vtagml.backbone import Swin
from vtagml.encoders import Polyhistor, PolyhistorLite


def lite() -> PolyhistorLite:
    network = PolyhistorLite(("a", "b"), TinySwinV2(), embedding=8, rank=3).double()
    for parameter in network.hypernetwork.parameters():
        nn.init.normal_(parameter)
    return network


def test_count_on_swin_t() -> None:
    with torch.device("meta"):  # shapes alone
        network = PolyhistorLite(("a", "b", "c", "d"), Swin(weights=None))

    conditions = 16 * 64 + 128 * 64 + 64 + 64 * 64 + 64
    # One generator, of width 96; kernels of 1, 2, 4 and 8 in 2, 2, 6 and 2 blocks.
    generated = 64 * (2 * 96 * 32 + 48 + 96)
    kernels = sum(
        blocks * (2 * scale * scale + 2 * scale)
        for scale, blocks in zip((1, 2, 4, 8), (2, 2, 6, 2), strict=True)
    )
    assert conditions + generated + kernels == 416_432
    trained = sum(each.numel() for each in network.parameters() if each.requires_grad)
    assert trained == conditions + generated + kernels


def test_wider_adapters_are_kronecker_products_with_the_block_s_kernel() -> None:
    network = lite().hypernetwork
    assert isinstance(network, ScaledHyperNetwork)
    conditions = network.conditions()
    (generator,) = network.generators.values()

    weights = network()

    for row, (place, kernel) in enumerate(network.kernels.items()):
        template = generator(conditions[row])
        for name, tensor in weights[place]._asdict().items():
            factor = kernel.get_parameter(name)
            for task in range(2):
                expected: Tensor = torch.kron(factor, getattr(template, name)[task])
                torch.testing.assert_close(tensor[task], expected)


def test_kernels_leave_templates_as_strong_as_they_are() -> None:
    network = PolyhistorLite(("a", "b"), Swin(weights=None))

    for weights in network.hypernetwork().values():
        channels = weights.down.shape[1]
        # Of a random template with few tasks and blocks: narrower bounds would be luck.
        assert 0.8 < weights.down.std() * (3 * channels) ** 0.5 < 1.2
        assert not weights.up.any()


def test_on_a_vit_a_kernel_is_a_number() -> None:
    network, other = (
        kind(("a", "b"), TinyViT(), embedding=8, rank=3).hypernetwork
        for kind in (PolyhistorLite, Polyhistor)
    )

    assert isinstance(network, ScaledHyperNetwork)
    assert {each.numel() for each in network.kernels.parameters()} == {1}
    kernels, own, same = (
        sum(each.numel() for each in module.parameters())
        for module in (network.kernels, network, other)
    )
    assert own == same + kernels


def test_widths_that_are_no_multiples_are_refused() -> None:
    backbone = TinySwinV2()
    backbone.channels = (16, 24, 64, 128)

    with pytest.raises(ValueError, match=r"multiples of its narrowest block's, found \[16, 24, "):
        PolyhistorLite(("a", "b"), backbone, rank=4)
