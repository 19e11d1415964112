import pytest
import torch

from vtagml.losses import weighted_bce
from vtagml.tasks import Boundaries, Edges


def test_prediction_and_code_are_probabilities() -> None:
    task, map = Boundaries(), torch.tensor([[[[-100.0, 0.0, 100.0]]]])
    assert task.predict(map).flatten().tolist() == [0, 0.5, 1]
    assert torch.equal(task.code()(map), task.predict(map))


def test_loss_weighs_boundaries_by_the_share() -> None:
    map, target = torch.randn(2, 1, 4, 5), torch.randint(2, (2, 1, 4, 5)).float()
    assert Boundaries().loss(map, target) == weighted_bce(map, target, 0.95)
    assert Boundaries(share=0.8).loss(map, target) == weighted_bce(map, target, 0.8)


def test_what_is_compared_is_not_the_edges_of_the_image() -> None:
    assert Boundaries(threshold=0.2).comparable() != Edges(threshold=0.2).comparable()
    assert Boundaries().comparable()["threshold"] == 0.5


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_share_rejects(share: float) -> None:
    with pytest.raises(ValueError, match="`share` of edges must lie between 0 and 1"):
        Boundaries(share=share)
