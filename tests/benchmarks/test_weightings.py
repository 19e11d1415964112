"""What a weighting adds to a training step, beside TROA and uniform weights."""

from collections.abc import Callable
from functools import partial
from itertools import count

import pytest
import torch
from lightning import Trainer
from torchjd.aggregation import ConFIG, UPGrad

from tests.benchmarks.bench import CLEARLY, Bench
from tests.benchmarks.test_training_step import BLOCKS, batch, module, step
from tests.test_weightings import WEIGHTINGS
from vtagml.affinity import TROA, Uniform
from vtagml.callbacks import JacobianAggregation
from vtagml.encoders import Shared
from vtagml.module import MultitaskModule
from vtagml.parameters import parameter_groups
from vtagml.tuning import BottleneckAdapter

adapted = partial(module, partial(Shared, tuning=BottleneckAdapter(BLOCKS)))


def aggregated(aggregation: JacobianAggregation) -> Callable[[], None]:
    model, data = adapted(), batch()
    run = Trainer(logger=False, enable_checkpointing=False, accelerator="cpu", devices=1)
    optimizer = torch.optim.AdamW(
        parameter_groups(model.network.decoders, model.network.encoder), lr=1e-3
    )

    def once() -> None:
        aggregation.on_train_batch_start(run, model, data, 0)
        model.training_step(data, 0).backward()
        aggregation.on_before_optimizer_step(run, model, optimizer)
        optimizer.step()
        optimizer.zero_grad()

    return once


def of(name: str) -> Callable[[], None]:
    model = adapted(WEIGHTINGS[name].get("affinity", Uniform))
    if "objective" in WEIGHTINGS[name]:
        model.objective = WEIGHTINGS[name]["objective"](model.tasks)
    return step(model)


@pytest.mark.timeout(900)
def test_weightings_over_uniform_weights(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = count()  # what follows the losses looks whether a batch is a step's first
    monkeypatch.setattr(MultitaskModule, "global_step", property(lambda _: next(steps)))
    ratios = bench.time(
        "training step by weighting, plain adapters / uniform weights",
        {
            "uniform weights": step(adapted()),
            "the same again (what noise looks like)": step(adapted()),
            "TROA": step(adapted(TROA)),
            **{name: of(name) for name in WEIGHTINGS},
            "UPGrad, the Jacobian of all shared weights": aggregated(JacobianAggregation(UPGrad())),
            "ConFIG, likewise": aggregated(JacobianAggregation(ConFIG())),
        },
        rounds=5,
    )
    dear = ratios["UPGrad, the Jacobian of all shared weights"]
    assert ratios["upgrad"] < CLEARLY, "a Gram matrix that is there costs as much as a backward"
    assert ratios["upgrad"] < dear / CLEARLY, "a backward per task would cost no more"
