import pytest
import torch

from vtagml.tasks import Regression


def test_by_hand() -> None:
    task = Regression("height")
    map = torch.tensor([[[[-2.0, 0.5, 7.0]]]], requires_grad=True)
    target = torch.tensor([[[[-3.0, 1.0, torch.nan]]]])
    assert task.predict(map).flatten().tolist() == [-2, 0.5, 7]
    total, count = task.loss(map, target)
    total.backward()
    assert (total.item(), count.item()) == (1.25, 2)  # 1² + 0.5²
    assert map.grad is not None
    assert map.grad.flatten().tolist() == [2, -1, 0]


def test_metrics_by_hand() -> None:
    metrics = Regression("height").metrics()
    for prediction, target in (([1.0, 2.0], [1.0, 4.0]), ([0.0, 9.0], [1.0, torch.nan])):
        metrics.update(torch.tensor([[[prediction]]]), torch.tensor([[[target]]]))
    # Over three known pixels: (0 + 4 + 1) / 3 and (0 + 2 + 1) / 3.
    found = metrics.compute()
    assert found["mse"].item() == pytest.approx(5 / 3)
    assert found["l1"].item() == pytest.approx(1)


def test_half_precision_is_computed_in_single() -> None:
    # 300² is beyond float16.
    total, _ = Regression("height").loss(
        torch.full((1, 1, 1, 1), 300.0, dtype=torch.float16), torch.zeros(1, 1, 1, 1)
    )
    assert total.item() == 90_000


def test_the_picture_ends_at_its_limits_and_unknown_is_grey() -> None:
    task = Regression("height", pictured=(0.0, 10.0))
    values = torch.tensor([[[[-5.0, 0.0, 10.0, 50.0, torch.nan]]]])
    colours = task.picture(values)[0, :, 0].T
    assert torch.equal(colours[0], colours[1])
    assert torch.equal(colours[2], colours[3])
    assert not torch.equal(colours[1], colours[2])
    assert colours[4].tolist() == [0.5] * 3


@pytest.mark.parametrize("pictured", [(1.0, 1.0), (2.0, 1.0), (0.0, float("inf"))])
def test_limits_that_do_not_rise_are_refused(pictured: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="`pictured` of height must be two rising numbers"):
        Regression("height", pictured=pictured)
