import matplotlib
import pytest
import torch

from vtagml.tasks import Depth


def test_prediction_is_a_softplus() -> None:
    map = torch.tensor([0.0, 50.0, -3.0])[None, None, None]
    # softplus(0) = ln 2, softplus(50) = 50 up to e⁻⁵⁰, softplus(-3) = ln(1 + e⁻³).
    torch.testing.assert_close(
        Depth().predict(map).flatten(), torch.tensor([0.6931, 50, 0.0486]), atol=1e-4, rtol=0
    )


def test_loss_tolerates_a_shift_of_one_pixel() -> None:
    target = torch.rand(2, 1, 6, 7) + 1
    moved = target.roll(1, dims=3).expm1().log()
    total, count = Depth().loss(moved, target)
    assert (total / count).item() == pytest.approx(0, abs=1e-6)


def test_scale_is_the_unit_of_map_and_loss() -> None:
    map = torch.full((1, 1, 4, 4), 2.0)
    target = torch.full((1, 1, 4, 4), 25.0)
    # softplus(2) = 2.126928, of 10 m each; 3.730720 m off the truth are 0.373072 units.
    assert torch.allclose(Depth(scale=10.0).predict(map), torch.tensor(21.26928))
    total, count = Depth(scale=10.0).loss(map, target)
    assert (total / count).item() == pytest.approx(0.373072, rel=1e-5)
    with pytest.raises(ValueError, match="`scale`"):
        Depth(scale=0.0)


def test_range_is_that_of_the_metrics_only() -> None:
    task = Depth(minimum=1.0, maximum=10.0)
    target = torch.full((1, 1, 4, 4), 20.0)
    metrics = task.metrics()
    metrics.update(torch.full_like(target, 5.0), target)
    assert metrics.compute()["rmse"].isnan()
    total, count = task.loss(torch.zeros_like(target), target)
    assert count == 4
    assert total > 0


def test_picture_is_bright_where_it_is_near_and_depends_on_no_other_pixel() -> None:
    near, far = torch.full((1, 1, 1, 1), 1.0), torch.full((1, 1, 1, 1), 20.0)
    task = Depth()
    assert task.picture(near).sum() > task.picture(far).sum()
    both = task.picture(torch.cat([near, far], dim=3))
    assert both.equal(torch.cat([task.picture(near), task.picture(far)], dim=3))


def test_picture_covers_the_range() -> None:
    picture = Depth(pictured=(1.0, 10.0)).picture(torch.tensor([[[[0.2, 1.0, 10.0, 300.0]]]]))
    viridis = matplotlib.colormaps["viridis"]
    for place, end in ((0, 1.0), (1, 1.0), (2, 0.0), (3, 0.0)):
        assert picture[0, :, 0, place].tolist() == pytest.approx(viridis(end)[:3])


def test_range_rejects() -> None:
    with pytest.raises(ValueError, match=r"`minimum` .* below `maximum`"):
        Depth(minimum=10.0, maximum=1.0)


@pytest.mark.parametrize("ends", [(0.0, 10.0), (5.0, 5.0), (1.0, float("inf"))])
def test_picture_needs_a_rising_range(ends: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="`pictured` must rise"):
        Depth(pictured=ends)
