"""Uncertainty weighting: its equation, TorchJD's, and tasks without a label."""

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor
from torchjd import scalarization

from tests.fakes.ranks import Ranks
from tests.test_module import loader, module
from vtagml.module import MultitaskModule
from vtagml.objectives import Adversarial, HeldOut, Uncertainty
from vtagml.step_counts import STEP


def uncertain(**settings: Any) -> tuple[MultitaskModule, Uncertainty]:
    torch.manual_seed(0)
    model = module(objective=partial(Uncertainty, **settings)).double()
    objective = model.objective
    assert isinstance(objective, Uncertainty)
    with torch.no_grad():
        objective.log_variances.rows.copy_(torch.tensor([0.0, 1.0, -0.5, 0.3]))
    model.log = lambda *_, **__: None  # type: ignore[method-assign, assignment]
    return model, objective


def batch() -> dict[str, Any]:
    found = next(iter(loader()))
    return {
        key: each.double() if isinstance(each, Tensor) and each.is_floating_point() else each
        for key, each in found.items()
    }


def test_what_is_minimised_is_torchjds() -> None:
    model, objective = uncertain()
    total = model.training_step(batch(), 0)
    (gradient,) = torch.autograd.grad(total, objective.log_variances.rows)
    losses = objective.base(model.network, batch()).tasks
    reference = scalarization.UW(4).double()
    with torch.no_grad():
        reference.log_var.copy_(objective.log_variances.rows)
    expected = reference(losses)
    torch.testing.assert_close(total, expected, rtol=1e-12, atol=0)
    (own,) = torch.autograd.grad(expected, reference.log_var)
    torch.testing.assert_close(gradient, own, rtol=1e-12, atol=0)


def test_losses_themselves_are_logged_and_not_minimised() -> None:
    model, objective = uncertain()
    found = objective(model.network, batch())
    losses = objective.base(model.network, batch()).tasks
    torch.testing.assert_close(found.terms["unweighted"].value, losses)
    assert not found.terms["unweighted"].weight.any()


def test_a_task_without_a_label_leaves_its_variance_alone() -> None:
    model, objective = uncertain()
    unlabelled = batch()
    unlabelled["depth"] = torch.full_like(unlabelled["depth"], torch.nan)
    model.training_step(unlabelled, 0).backward()
    gradient = objective.log_variances.rows.grad
    assert gradient is not None
    assert gradient[1] == 0
    assert gradient[[0, 2, 3]].all()


def test_a_label_on_one_rank_counts_on_all() -> None:
    model, objective = uncertain()

    def weights(rank: int) -> Tensor:
        given = batch()
        if rank == 1:
            given["depth"] = torch.full_like(given["depth"], torch.nan)
        return objective(model.network, given).terms["log_variance"].weight

    for found in Ranks(2).run(weights):
        torch.testing.assert_close(found, torch.full((4,), 0.5, dtype=torch.float64))


def test_a_label_in_another_batch_of_the_step_counts() -> None:
    model, objective = uncertain()
    given = batch()
    given["depth"] = torch.full_like(given["depth"], torch.nan)
    given[STEP] = {"counts": [9.0, 7.0, 9.0, 0.0], "batches": 2, "scale": 1.0}
    found = objective(model.network, given).terms["log_variance"].weight
    assert found.tolist() == [0.5, 0.5, 0.5, 0.0]


def test_held_out_tasks_are_not_taught_under_it_either() -> None:
    model, objective = uncertain(base=partial(HeldOut, held_out=["depth"]))
    assert objective.taught == ["segmentation", "normals", "edges"]
    assert objective.counts(batch())[1] == 0
    assert objective(model.network, batch()).tasks[1] == 0


def test_variances_are_a_group_that_does_not_decay_kept_by_the_names_of_tasks() -> None:
    model, objective = uncertain()
    group = objective.group()
    assert group["weight_decay"] == 0
    assert [each.shape for each in group["params"]] == [(4,)]
    keys = [key for key in model.state_dict() if key.startswith("objective.")]
    assert keys == [f"objective.log_variances.{task}" for task in model.tasks]


def test_an_objective_that_learns_itself_is_no_base() -> None:
    base = partial(Adversarial, ranges={"depth": (0.0, 9.0)})
    with pytest.raises(ValueError, match="`base` must be an objective that learns nothing"):
        uncertain(base=base)
