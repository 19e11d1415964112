import torch

from vtagml.losses import inverse_berhu
from vtagml.tasks import Depth, InverseDepth


def test_prediction_is_in_metres() -> None:
    map = torch.tensor([0.0, 4.0, -100.0])[None, None, None]
    # 1 / ln 2; 1 / softplus(4) = 1 / 4.0181; and no further than 1000 m.
    expected = torch.tensor([1.4427, 0.2489, 1000.0])
    torch.testing.assert_close(InverseDepth().predict(map).flatten(), expected, atol=1e-4, rtol=0)


def test_loss_is_on_the_inverse() -> None:
    map, target = torch.randn(1, 1, 4, 4), torch.rand(1, 1, 4, 4) + 0.5
    total, _ = InverseDepth().loss(map, target)
    expected, _ = inverse_berhu(1 / InverseDepth().predict(map), target)
    torch.testing.assert_close(total, expected)


def test_differs_from_depth_only_inside() -> None:
    assert InverseDepth().metrics().keys() == Depth().metrics().keys()
    assert InverseDepth().name == Depth().name == "depth"
