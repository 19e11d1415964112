"""Shared parameters move along TorchJD's aggregation of the Jacobian; nothing else changes."""

import copy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning import Trainer
from torch import Tensor, nn
from torchjd.aggregation import (
    MGDA,
    Aggregator,
    ConFIG,
    GradDrop,
    GradVac,
    Mean,
    NashMTL,
    Sum,
    TrimmedMean,
    UPGrad,
)

from tests.fakes.holes import Holes, small_vtagml
from tests.fakes.ranks import Ranks
from tests.fakes.trainers import trainer
from tests.objectives.small_adversarial import adversarial, domains
from tests.test_methods import state
from tests.test_module import encoder, loader, module
from tests.test_module_ranks import SAMPLES, batch
from vtagml.affinity import Fixed
from vtagml.callbacks import JacobianAggregation
from vtagml.encoders import Separate
from vtagml.module import MultitaskModule
from vtagml.parameter_roles import shared_by_all
from vtagml.task_gradients import shared_gradients
from vtagml.tasks import Depth, Edges, Normals, Segmentation

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*does not have many workers", "ignore:.*`sync_dist", "ignore:.*sync_dist=True"
)
SAME = {"rtol": 1e-9, "atol": 1e-11}


class Lopsided(Fixed):
    def __init__(self, tasks: Any) -> None:
        super().__init__(tasks, [[0.5, 0.25, 0.125, 0.125]] * 4)


def lopsided() -> MultitaskModule:
    """Weights of the affinity, and fixed ones."""
    torch.manual_seed(0)
    tasks = [Segmentation(3), Depth(weight=4.0), Normals(), Edges()]
    model = module(tasks, affinity=Lopsided).double()
    model.log = lambda *_, **__: None  # type: ignore[method-assign, assignment]
    return model


def step(model: MultitaskModule, aggregation: JacobianAggregation, *shares: range) -> None:
    """Of accumulated batches, up to the optimiser."""
    run = Trainer(logger=False, enable_checkpointing=False, accelerator="cpu", devices=1)
    run.accumulate_grad_batches = len(shares)
    aggregation.on_fit_start(run, model)
    for share in shares:
        given = batch(share, model)
        aggregation.on_train_batch_start(run, model, given, 0)
        (model.training_step(given, 0) / len(shares)).backward()
    aggregation.on_before_optimizer_step(run, model, torch.optim.SGD(model.parameters(), lr=1.0))


def gradients(model: MultitaskModule) -> dict[str, Tensor]:
    return {name: own.grad for name, own in model.named_parameters() if own.grad is not None}


def jacobian(model: MultitaskModule, *shares: range) -> Tensor:
    """Of the weighted losses, a backward per task: 4/2, 4/4 · 4, 4/8, 4/8."""
    weights, rows = (2.0, 4.0, 0.5, 0.5), []
    for share in shares:
        losses = model.objective(model.network, batch(share, model)).tasks
        for weight, loss in zip(weights, losses, strict=True):
            found = torch.autograd.grad(weight * loss, shared_by_all(model.network), None, True)
            rows.append(torch.cat([each.flatten() for each in found]))
    return torch.stack(rows).view(len(shares), 4, -1).mean(0)


def flat(model: MultitaskModule) -> Tensor:
    return torch.cat([each.grad.flatten() for each in shared_by_all(model.network)])  # type: ignore[union-attr]


@pytest.mark.parametrize("aggregator", [ConFIG(), UPGrad(), Mean(), TrimmedMean(1)], ids=str)
@pytest.mark.parametrize("shares", [[range(2, 4)], [range(2), range(2, 6)]], ids=len)
def test_the_step_is_torchjds_of_the_whole_jacobian(
    aggregator: Aggregator, shares: list[range]
) -> None:
    model = lopsided()
    expected = aggregator(jacobian(model, *shares))
    step(model, JacobianAggregation(aggregator), *shares)
    torch.testing.assert_close(flat(model), expected, **SAME)


def test_the_sum_is_what_training_does_without_it_and_decoders_are_left_alone() -> None:
    plain, summed, other = lopsided(), lopsided(), lopsided()
    plain.training_step(batch(range(4), plain), 0).backward()
    step(summed, JacobianAggregation(Sum()), range(4))
    step(other, JacobianAggregation(ConFIG()), range(4))
    for name, gradient in gradients(plain).items():
        torch.testing.assert_close(gradients(summed)[name], gradient, **SAME, msg=name)
        alike = torch.allclose(gradients(other)[name], gradient)
        assert alike == name.startswith("network.decoders"), name


def test_ranks_aggregate_the_whole_batch() -> None:
    alone, count = lopsided(), 2
    models = [copy.deepcopy(alone) for _ in range(count)]
    share = SAMPLES // count
    step(alone, JacobianAggregation(ConFIG()), range(SAMPLES))
    Ranks(count).run(
        lambda rank: step(
            models[rank], JacobianAggregation(ConFIG()), range(share * rank, share * (rank + 1))
        )
    )
    for model in models:
        torch.testing.assert_close(flat(model), flat(alone), **SAME)


def test_what_draws_at_random_is_keyed_by_seed_and_leaves_training_s_numbers_alone() -> None:
    def drawn(seed: int, aggregator: Aggregator) -> Tensor:
        model = lopsided()
        step(model, JacobianAggregation(aggregator, seed), range(2))
        return flat(model)

    assert torch.equal(drawn(0, GradDrop()), drawn(0, GradDrop()))
    assert not torch.equal(drawn(0, GradDrop()), drawn(1, GradDrop()))
    model = lopsided()
    before = torch.get_rng_state()
    step(model, JacobianAggregation(GradDrop()), range(2))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("accumulated", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_training_with_the_sum_is_training_without_it(accumulated: int, tmp_path: Path) -> None:
    """In the Trainer, with an uneven last step, on adapters behind the fork."""
    found = []
    for callbacks in ([], [JacobianAggregation(Sum())]):
        model = small_vtagml()
        settings = {"accumulate_grad_batches": accumulated, "precision": "64-true"}
        run = trainer(tmp_path, max_steps=3, callbacks=callbacks, **settings)
        run.fit(model, Holes(batch_size=4, workers=0))
        found.append(state(model))
    for key, value in found[0].items():
        torch.testing.assert_close(found[1][key], value, rtol=1e-9, atol=1e-9, msg=key)


def test_terms_of_the_objective_move_what_is_shared_as_before(tmp_path: Path) -> None:
    found = []
    for callbacks in ([], [JacobianAggregation(Sum())]):
        model = adversarial(judged={"weight": 10.0})
        trainer(tmp_path, callbacks=callbacks).fit(model, domains())
        found.append(state(model))
    for key, value in found[0].items():
        torch.testing.assert_close(found[1][key], value, rtol=1e-4, atol=1e-5, msg=key)


def test_scaled_losses_give_the_same_gradient() -> None:
    found = []
    for scaler in (None, SimpleNamespace(get_scale=lambda: 1024.0)):
        model = lopsided()
        aggregation = JacobianAggregation(ConFIG())
        run = Trainer(logger=False, enable_checkpointing=False, accelerator="cpu", devices=1)
        run.precision_plugin.scaler = scaler
        aggregation.on_train_batch_start(run, model, batch(range(2), model), 0)
        found.append(aggregation._rows)
        fused = torch.optim.SGD(model.parameters(), lr=1.0)
        fused._step_supports_amp_scaling = True  # type: ignore[attr-defined]
        if scaler is not None:
            with pytest.raises(ValueError, match=r"`optimizer` must not be fused.*a fused SGD"):
                aggregation.on_before_optimizer_step(run, model, fused)
    torch.testing.assert_close(*found)


@pytest.mark.parametrize("left_out", [True, False])
def test_a_faulty_step_stays_faulty(left_out: bool) -> None:
    model = lopsided()
    aggregation = JacobianAggregation(ConFIG())
    run = Trainer(logger=False, enable_checkpointing=False, accelerator="cpu", devices=1)
    given = batch(range(2), model)
    given["image"][0] = torch.nan
    aggregation.on_train_batch_start(run, model, given, 0)
    model.training_step(given, 0).backward()
    if left_out:
        model.zero_grad(set_to_none=True)
    aggregation.on_before_optimizer_step(run, model, torch.optim.SGD(model.parameters(), lr=1.0))
    shared = [each.grad for each in shared_by_all(model.network)]
    assert all(each is None if left_out else not each.isfinite().all() for each in shared)


def test_a_row_that_overflows_alone_makes_the_step_faulty() -> None:
    model = lopsided()
    aggregation = JacobianAggregation(ConFIG())
    run = Trainer(logger=False, enable_checkpointing=False, accelerator="cpu", devices=1)
    given = batch(range(2), model)
    aggregation.on_train_batch_start(run, model, given, 0)
    assert aggregation._rows is not None
    aggregation._rows[0, 0] = torch.inf
    model.training_step(given, 0).backward()
    aggregation.on_before_optimizer_step(run, model, torch.optim.SGD(model.parameters(), lr=1.0))
    assert all(
        each.grad is None or each.grad.isnan().all() for each in shared_by_all(model.network)
    )


def test_a_task_without_labels_has_no_row() -> None:
    model, given = lopsided(), range(2)
    unlabelled = batch(given, model)
    unlabelled["segmentation"].fill_(255)
    losses = model.objective(model.network, unlabelled).tasks
    weights = (4.0, 0.5, 0.5)
    rows = [
        torch.cat([each.flatten() for each in found])
        for weight, loss in zip(weights, losses[1:], strict=True)
        for found in [torch.autograd.grad(weight * loss, shared_by_all(model.network), None, True)]
    ]
    nash = NashMTL(4)
    with pytest.warns(UserWarning, match="parameterized problem"):
        nash(torch.eye(4) - 0.1)  # remembers it
    aggregations = [JacobianAggregation(each) for each in (MGDA(), nash, UPGrad(torch.ones(4)))]
    run = Trainer(logger=False, enable_checkpointing=False, accelerator="cpu", devices=1)
    for aggregation in aggregations:
        aggregation.on_train_batch_start(run, model, unlabelled, 0)
    model.training_step(unlabelled, 0).backward()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    with pytest.warns(UserWarning, match="parameterized problem"):
        by_nash = NashMTL(3)(torch.stack(rows))
    for aggregation, expected in zip(
        aggregations[:2], (MGDA()(torch.stack(rows)), by_nash), strict=True
    ):
        aggregation.on_before_optimizer_step(run, model, optimizer)
        torch.testing.assert_close(flat(model), expected, **SAME)
    with pytest.raises(ValueError, match="it refuses 3 of 4, the others having no label in step 0"):
        aggregations[2].on_before_optimizer_step(run, model, optimizer)


def test_losses_are_weighed_before_the_backward(monkeypatch: pytest.MonkeyPatch) -> None:
    """As what is minimised is: 16 bits may hold that and no more."""
    seen: list[Tensor] = []

    def spied(*given: Any) -> Any:
        seen.append(given[-1])
        return shared_gradients(*given)

    monkeypatch.setattr("vtagml.callbacks.jacobian_aggregation.shared_gradients", spied)
    step(lopsided(), JacobianAggregation(Sum()), range(2))
    assert seen[0].tolist() == [2.0, 4.0, 0.5, 0.5]


@pytest.mark.slow
def test_two_processes_are_one(tmp_path: Path) -> None:
    found = []
    for ranks in (1, 2):
        model = small_vtagml().double()
        precision = "64-true" if ranks > 1 else "32-true"
        callbacks = [JacobianAggregation(ConFIG())]
        settings = {"max_steps": 3, "precision": precision, "callbacks": callbacks}
        run = trainer(tmp_path / str(ranks), ranks, **settings)
        run.fit(model, Holes(batch_size=2 // ranks, workers=0))
        found.append(state(model))
    for key, value in found[0].items():
        torch.testing.assert_close(found[1][key], value, rtol=1e-9, atol=1e-9, msg=key)


@pytest.mark.parametrize("aggregator", [GradVac(), nn.Linear(1, 1)], ids=["GradVac", "Linear"])
def test_what_remembers_or_is_no_aggregator_is_refused(aggregator: nn.Module) -> None:
    name = type(aggregator).__name__
    with pytest.raises(ValueError, match=f"`aggregator` must be one of .* found {name}"):
        JacobianAggregation(aggregator)


def test_without_anything_shared_it_says_so(tmp_path: Path) -> None:
    model = module()
    tasks = list(model.tasks)
    model.network.encoder = Separate(tasks, encoder(tasks).backbone)
    with pytest.raises(ValueError, match="parameters that train and belong to all tasks"):
        trainer(tmp_path, callbacks=[JacobianAggregation(Sum())]).fit(model, loader())
