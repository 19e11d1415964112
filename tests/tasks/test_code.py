"""What other networks, such as discriminators, see of a map."""

import math

import pytest
import torch

from vtagml.tasks import Classification, Depth, Edges, InverseDepth, Normals, Segmentation
from vtagml.tasks.categorical import self_information


def test_self_information_of_a_fair_choice_and_of_certainty() -> None:
    # Of four equal probabilities each has -1/4·log(1/4) / log 4 = 1/4; of one and zeros all have 0.
    fair = torch.zeros(1, 4, 2, 3)
    assert torch.allclose(self_information(fair), torch.full((1, 4, 2, 3), 0.25))
    sure = fair.clone()
    sure[:, 0] = 1e4
    assert torch.equal(self_information(sure).abs(), torch.zeros(1, 4, 2, 3))


def test_self_information_sums_to_the_entropy_in_shares_of_the_largest() -> None:
    map = torch.randn(2, 5, 4, 4, dtype=torch.float64)
    entropy = torch.distributions.Categorical(logits=map.movedim(1, -1)).entropy()
    assert torch.allclose(self_information(map).sum(1), entropy / math.log(5))


def test_self_information_has_finite_gradients_where_the_network_is_sure() -> None:
    map = torch.tensor([-1e4, 0.0, 1e4]).view(1, 3, 1, 1).requires_grad_()
    self_information(map).square().sum().backward()
    assert map.grad is not None
    assert map.grad.isfinite().all()


@pytest.mark.parametrize("kind", [Depth, InverseDepth])
def test_depth_is_seen_in_shares_of_the_range(kind: type[Depth]) -> None:
    task = kind(scale=3.0)
    map = torch.randn(2, 1, 4, 4)
    seen = task.code((2.0, 12.0))(map)
    assert torch.allclose(seen, (task.predict(map) - 2) / 10)


def test_depth_beyond_the_range_still_has_a_gradient() -> None:
    map = torch.full((1, 1, 1, 1), 50.0, requires_grad=True)
    seen = Depth().code((0.0, 10.0))(map)
    assert seen.item() == pytest.approx(5)
    seen.backward()
    assert map.grad is not None
    assert map.grad.item() == pytest.approx(0.1)


@pytest.mark.parametrize("span", [None, (3.0, 3.0)])
def test_depth_without_a_range_says_what_to_set(span: tuple[float, float] | None) -> None:
    with pytest.raises(ValueError, match=r"`ranges`.*`ranges: \{depth: \[0, 80\]\}`"):
        Depth().code(span)


def test_normals_are_seen_as_unit_vectors() -> None:
    map = 7 * torch.randn(2, 3, 4, 4)
    seen = Normals().code()(map)
    assert torch.allclose(seen.norm(dim=1), torch.ones(2, 4, 4))
    assert torch.allclose(seen * map.norm(dim=1, keepdim=True), map, atol=1e-5)


def test_edges_are_seen_as_they_are_and_in_full_precision() -> None:
    map = torch.randn(2, 1, 4, 4).half()
    assert torch.equal(Edges().code()(map), map.float())


def test_segmentation_is_seen_as_self_information() -> None:
    assert Segmentation(3).code() is self_information


def test_task_without_a_map_is_refused() -> None:
    with pytest.raises(ValueError, match="dense maps, found birds"):
        Classification("birds", 3).code()
