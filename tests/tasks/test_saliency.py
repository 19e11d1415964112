import torch

from vtagml.tasks import Saliency


def test_prediction_and_code_are_probabilities() -> None:
    task, map = Saliency(), torch.tensor([[[[-100.0, 0.0, 100.0]]]])
    assert task.predict(map).flatten().tolist() == [0, 0.5, 1]
    assert torch.equal(task.code()(map), task.predict(map))


def test_metrics_are_the_three_of_the_field() -> None:
    task = Saliency()
    metrics = task.metrics()
    # 0.92 passes all thresholds of the IoU, one of two salient pixels is found: 1/2.
    metrics.update(torch.tensor([[[[0.92, 0.1]]]]), torch.tensor([[[[1.0, 1.0]]]]))
    values = {name: value.item() for name, value in metrics.compute().items()}
    # From 0.05 and 0.1 on, which pixels reach, both are found.
    assert values == {"iou": 0.5, "max_f1": 2 / 3, "max_f": 1.0}
    assert task.headline == "iou"


def test_letter_is_not_that_of_segmentation() -> None:
    assert Saliency.letter == "H"


def test_picture_is_grey() -> None:
    picture = Saliency().picture(torch.tensor([[[[0.0, 0.25, 1.0]]]]))
    assert picture[0, :, 0].tolist() == [[0, 0.25, 1]] * 3
