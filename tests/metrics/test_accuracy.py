import torch
from sklearn.metrics import accuracy_score

from vtagml.metrics import Accuracy


def test_golden() -> None:
    metric = Accuracy()
    # Right, wrong, right, and one unknown label, which does not count even if it is matched.
    metric.update(torch.tensor([1, 1, 2, 255]), torch.tensor([1, 0, 2, 255]))
    torch.testing.assert_close(metric.compute().item(), 2 / 3)


def test_agrees_with_sklearn() -> None:
    metric = Accuracy()
    prediction, target = torch.randint(3, (4, 5, 6)), torch.randint(3, (4, 5, 6))
    metric.update(prediction, target)
    assert metric.compute() == accuracy_score(target.flatten(), prediction.flatten())
