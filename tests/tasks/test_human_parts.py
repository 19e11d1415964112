import torch

from vtagml.tasks import HumanParts


def test_images_without_people_neither_teach_nor_count() -> None:
    task = HumanParts()
    map, target = torch.randn(2, 7, 4, 5), torch.randint(7, (2, 4, 5))
    target[1] = 255
    total, count = task.loss(map, target)
    alone, _ = task.loss(map[:1], target[:1])
    assert count == 20
    assert total == alone
    both, first = task.metrics(), task.metrics()
    both.update(task.predict(map), target)
    first.update(task.predict(map[:1]), target[:1])
    assert both.compute() == first.compute()


def test_miou_is_of_all_pixels_with_none_as_a_class() -> None:
    metrics = HumanParts().metrics()
    # None (0): 2 of 3. Head (1): 1 of 2. Pooled over two images.
    metrics.update(torch.tensor([[[0, 1]], [[0, 1]]]), torch.tensor([[[0, 1]], [[0, 0]]]))
    torch.testing.assert_close(metrics.compute()["miou"].item(), (2 / 3 + 1 / 2) / 2)


def test_defaults_are_those_of_pascal_context() -> None:
    task = HumanParts()
    assert (task.name, task.channels, task.letter) == ("human_parts", 7, "P")
