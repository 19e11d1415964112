"""Gradients of what tasks share: planted ones, a backward per task as reference, and no trace."""

import copy
from collections.abc import Callable
from math import sqrt
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.fakes.backbones import TinySwinV2
from tests.fakes.holes import small_vtagml
from tests.fakes.ranks import Ranks
from tests.test_module_ranks import batch
from vtagml import MultitaskNetwork
from vtagml.affinity import Gram, Uniform
from vtagml.backbone import recomputed
from vtagml.decoders import ConvDecoder
from vtagml.decoders import Shared as SharedTrunk
from vtagml.encoders import Shared
from vtagml.module import MultitaskModule
from vtagml.objectives import HeldOut, Losses, Objective
from vtagml.parameter_roles import shared_by_all
from vtagml.task_gradients import gram_of, shared_gradients
from vtagml.tasks import Depth, Edges, Normals, Regression, Segmentation
from vtagml.tuning import Full


class Planted(MultitaskNetwork):
    """Maps w · a_n, so that the gradient of the n-th task's map with respect to w is a_n."""

    def __init__(self, **directions: list[float]) -> None:
        nn.Module.__init__(self)
        self.encoder, self.decoders = nn.Module(), nn.Module()
        self.encoder.w = nn.Parameter(torch.tensor([2.0, -1.0], dtype=torch.float64))
        self.norm = nn.BatchNorm1d(1).double()
        self.directions = directions
        self.visited: list[str] = []

    def forward(self, image: Tensor, omega: Tensor | None = None) -> dict[str, Tensor]:
        self.norm(torch.dropout(image, 0.5, train=True).flatten()[:, None])
        maps = {
            task: (self.encoder.w * image.new_tensor(own)).sum()[None]
            for task, own in self.directions.items()
        }
        for task, map in maps.items():
            map.register_hook(lambda gradient, task=task: self.visited.append(task))
        return maps


class MapsThemselves(Objective):
    """Minimises the maps; one of them may be left out, or reach the parameters on its own."""

    factors: dict[str, float] = {}
    untaught: tuple[str, ...] = ()
    direct: Tensor | None = None

    @property
    def taught(self) -> list[str]:
        return [name for name in self.tasks if name not in self.untaught]

    def forward(self, network: MultitaskNetwork, batch: dict[str, Any]) -> Losses:
        maps = network(batch["image"])
        losses = [self.factors.get(name, 1.0) * maps[name].sum() for name in self.tasks]
        if self.direct is not None:
            losses[0] = losses[0] + (network.encoder.w * self.direct).sum()
        return Losses(torch.stack(losses))

    def counts(self, batch: Any) -> list[float]:
        return [1.0 for _ in self.tasks]


def planted(**directions: list[float]) -> tuple[Planted, MapsThemselves]:
    return Planted(**directions), MapsThemselves({name: Regression(name) for name in directions})


IMAGE = {"image": torch.ones(2, 3, 1, 1, dtype=torch.float64)}


def shared_gram(
    network: MultitaskNetwork, objective: Objective, given: Any = IMAGE, scale: float = 1.0
) -> Gram:
    parameters = shared_by_all(network)
    found = shared_gradients(network, objective, given, parameters, scale=scale)
    return gram_of(found.tasks, parameters)


def cosines(network: Planted, objective: Objective) -> Tensor:
    return shared_gram(network, objective).cosines()


def test_planted_cosines() -> None:
    network, objective = planted(a=[1, 0], b=[-1, 1], c=[0, 3], d=[-2, 0])
    found = cosines(network, objective)
    half = sqrt(0.5)
    expected = [[1, -half, 0, -1], [-half, 1, half, half], [0, half, 1, 0], [-1, half, 0, 1]]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))


def test_gradients_themselves() -> None:
    network, objective = planted(a=[1, 0], b=[-1, 1])
    objective.factors = {"b": 3.0}
    # a = (2, 0), b = (-6, 6) with the scale.
    assert shared_gram(network, objective, scale=2.0).dots.tolist() == [[4, -12], [-12, 72]]


def test_a_task_that_is_not_taught_or_has_no_gradient_is_unknown() -> None:
    network, objective = planted(a=[1, 0], b=[-1, 1], c=[0, 0], d=[1, 1])
    objective.untaught = ("d",)
    found = cosines(network, objective)
    assert found[0, 1] == pytest.approx(-sqrt(0.5))
    assert found[2:].isnan().all()
    assert found[:, 2:].isnan().all()


def test_a_backward_runs_through_the_tasks_own_map_alone() -> None:
    network, objective = planted(a=[1, 0], b=[-1, 1], c=[1, 1])
    cosines(network, objective)
    assert sorted(network.visited) == ["a", "b", "c"]


def test_a_loss_that_is_not_finite_makes_nothing_up() -> None:
    network, objective = planted(a=[1, 0], b=[-1, 1])
    objective.factors = {"b": torch.inf}
    assert cosines(network, objective)[1].isnan().all()


def test_what_an_objective_reads_of_parameters_itself_counts() -> None:
    network, objective = planted(a=[1, 0], b=[0, 1])
    objective.direct = torch.tensor([0.0, 1.0])
    assert cosines(network, objective)[0, 1] == pytest.approx(sqrt(0.5))


def test_training_does_not_notice() -> None:
    network, objective = planted(a=[1, 0], b=[-1, 1])
    before = {name: each.clone() for name, each in network.state_dict().items()}
    state = torch.get_rng_state()
    cosines(network, objective)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(each, before[name]) for name, each in network.state_dict().items())
    assert network.encoder.w.grad is None
    assert not network._forward_hooks


def each_alone(model: MultitaskModule, indices: range) -> Tensor:
    """Cosines of the gradients that a backward per task gives, without any of the care."""
    losses = model.objective(model.network, batch(indices, model)).tasks
    parameters = shared_by_all(model.network)
    rows = [
        torch.autograd.grad(loss, parameters, retain_graph=True, materialize_grads=True)
        for loss in losses
    ]
    vectors = torch.stack([torch.cat([own.flatten() for own in row]) for row in rows])
    directions = torch.nn.functional.normalize(vectors, dim=1)
    return directions @ directions.T


def measured(model: MultitaskModule, indices: range) -> Gram:
    return shared_gram(model.network, model.objective, batch(indices, model))


def small_shared() -> MultitaskModule:
    """What trains lies in front of the fork, through which the gradients run; some of it behind."""
    torch.manual_seed(0)
    return MultitaskModule(
        [Segmentation(3), Depth(), Normals(), Edges()],
        lambda tasks: Shared(tasks, TinySwinV2((32, 32)), Full()),
        lambda outputs, channels: SharedTrunk(outputs, channels, ConvDecoder),
        Uniform,
    )


@pytest.mark.parametrize("make", [small_vtagml, small_shared])
def test_cosines_of_a_network_are_those_of_a_backward_per_task(
    make: Callable[[], MultitaskModule],
) -> None:
    model = make().double()
    found = measured(model, range(4)).cosines()
    assert model.network.take_gram() is None
    torch.testing.assert_close(found, each_alone(model, range(4)), rtol=1e-9, atol=1e-12)
    assert (found.triu(1).abs() < 0.999).all()  # it would hold of equal gradients, too


def test_held_out_tasks_are_unknown() -> None:
    model = small_vtagml().double()
    everything = measured(model, range(3)).cosines()
    model.objective = HeldOut(model.tasks, ["depth"])
    found = measured(model, range(3)).cosines()
    names = model.task_names
    depth = names.index("depth")
    others = [place for place in range(len(names)) if place != depth]
    assert found[depth].isnan().all()
    assert torch.equal(found[others][:, others], everything[others][:, others])


@pytest.mark.parametrize("ranks", [2, 3])
def test_ranks_measure_the_whole_batch(ranks: int) -> None:
    alone = small_vtagml().double()
    models = [copy.deepcopy(alone) for _ in range(ranks)]
    expected = measured(alone, range(6))
    share = 6 // ranks

    def own(rank: int) -> Gram:
        return measured(models[rank], range(share * rank, share * (rank + 1)))

    for gram in Ranks(ranks).run(own):
        torch.testing.assert_close(gram.cosines(), expected.cosines(), rtol=1e-9, atol=1e-12)


def test_recomputed_activations_and_compilation_change_nothing() -> None:
    model = small_vtagml().double()
    expected = measured(model, range(2)).cosines()
    model.network.encoder.backbone.run = recomputed  # type: ignore[union-attr]
    torch.testing.assert_close(measured(model, range(2)).cosines(), expected)
    calls: list[str] = []

    def backend(module: Any, inputs: Any) -> Any:
        calls.append("compiled")
        return module.forward

    model.network.compile(backend=backend)
    torch.testing.assert_close(measured(model, range(2)).cosines(), expected)
    assert calls == []
