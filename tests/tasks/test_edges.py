import pytest
import torch

from vtagml.tasks import Edges


def test_prediction_is_clamped_and_the_loss_is_not() -> None:
    map = torch.tensor([[[[-0.5, 0.25, 3.0]]]], requires_grad=True)
    target = torch.tensor([[[[0.0, 0.25, 1.0]]]])
    assert Edges().predict(map).flatten().tolist() == [0, 0.25, 1]
    total, _ = Edges().loss(map, target)
    total.backward()
    assert total == 2.5
    assert map.grad is not None
    assert map.grad.flatten().tolist() == [-1, 0, 1]


def test_threshold_reaches_the_metrics() -> None:
    task = Edges(threshold=0.6)
    assert task.threshold == 0.6
    prediction, target = torch.tensor([[[[0.9, 0.95]]]]), torch.tensor([[[[1.0, 0.5]]]])
    metrics = task.metrics()
    metrics.update(prediction, target)
    values = metrics.compute()
    # One of two is an edge, and no threshold parts it from the other; with 0.2 both would be.
    assert values["f1"].item() == pytest.approx(2 / 3)
    assert values["f1_macro"].item() == pytest.approx(1 / 3)  # edge 2 / 3, not edge 0
    assert values["l1"].item() == pytest.approx(0.275)


def test_threshold_rejects() -> None:
    with pytest.raises(ValueError, match=r"`threshold` .* between 0 and 1, found 1\.5"):
        Edges(threshold=1.5)


def test_picture_is_grey() -> None:
    picture = Edges().picture(torch.tensor([[[[0.0, 0.25, 1.0]]]]))
    assert picture[0, :, 0].tolist() == [[0, 0.25, 1]] * 3
