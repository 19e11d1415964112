from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from tests.decoders.conftest import count
from vtagml.decoders import AllMLP

SWIN_TINY = (96, 192, 384, 768)

MakePyramid = Callable[..., list[Tensor]]


def test_counts_of_vmt_adapter() -> None:
    # Per task, width 256: LayerNorms 2·1440 = 2,880; projections 1440·256 + 4·256 = 369,664;
    # fusion 1024·256 = 262,144; norm 2·256 = 512: 635,200. Heads: 256·K + K.
    # Four tasks with 21 + 7 + 1 + 3 = 32 outputs: 4·635,200 + 257·32 = 2,549,024.
    outputs = (21, 7, 1, 3)
    with torch.device("meta"):
        decoders = [AllMLP(SWIN_TINY, number) for number in outputs]
    assert [count(decoder) for decoder in decoders] == [
        635_200 + 257 * number for number in outputs
    ]
    assert sum(map(count, decoders)) == 2_549_024


def test_equals_concatenation_and_a_convolution(make_pyramid: MakePyramid) -> None:
    """SegFormer's own order: project, upsample, concatenate, 1x1 convolution."""
    decoder = AllMLP((8, 16, 24, 32), outputs=5, width=12).double()
    pyramid = make_pyramid(size=(64, 96), dtype=torch.float64)
    upsampled = []
    for level, norm, projection in zip(pyramid, decoder.norms, decoder.projections, strict=True):
        projected = projection(norm(level.permute(0, 2, 3, 1))).permute(0, 3, 1, 2)
        upsampled.append(functional.interpolate(projected, size=(16, 24), mode="bilinear"))
    weight = torch.cat([fusion.weight for fusion in decoder.fusions], dim=1)
    fused = functional.conv2d(torch.cat(upsampled, dim=1), weight[:, :, None, None])
    fused = functional.layer_norm(
        fused.permute(0, 2, 3, 1), (12,), decoder.norm.weight, decoder.norm.bias
    )
    expected = decoder.head(fused.relu().permute(0, 3, 1, 2))
    expected = functional.interpolate(expected, size=(64, 96), mode="bilinear")
    torch.testing.assert_close(decoder(pyramid, (64, 96)), expected)


def test_every_level_enters(make_pyramid: MakePyramid) -> None:
    pyramid = [level.requires_grad_() for level in make_pyramid()]
    AllMLP((8, 16, 24, 32), outputs=2, width=8)(pyramid, (64, 64)).square().sum().backward()
    assert all(level.grad is not None and level.grad.abs().sum() > 0 for level in pyramid)


def test_width_is_validated() -> None:
    with pytest.raises(ValueError, match="`width` must be at least 1, found 0"):
        AllMLP((8, 16, 24, 32), outputs=2, width=0)
