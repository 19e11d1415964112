"""α follows from the optimiser step alone, is zero in the end, and leaves ranks in step."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from datamodules import Source
from tests.fakes.holes import SIDE, Holes, holes
from tests.fakes.methods import module_of
from tests.fakes.trainers import trainer
from vtagml.callbacks import ParameterTable, Progress, RouterFading
from vtagml.experts import routers
from vtagml.module import MultitaskModule

pytestmark = pytest.mark.filterwarnings(
    "ignore:It is recommended to use .*sync_dist",
    "ignore:No usable gradient",  # samples without any depth
    "ignore:Checkpoint directory .* exists and is not empty",
)


class Eight(Holes):
    """Four steps of two samples an epoch."""

    def source(self, split: str) -> Source[int]:
        return Source(range(8), holes)


class Seen(Callback):
    """α in the forward of every batch, and in every validation."""

    def __init__(self) -> None:
        self.trained: list[float] = []
        self.validated: list[float] = []

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        self.trained.append(alpha_of(pl_module))

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.validated.append(alpha_of(pl_module))


def alpha_of(module: torch.nn.Module) -> float:
    (alpha,) = {float(router.alpha) for router in routers(module)}
    return alpha


def test_it_is_linear_between_two_shares() -> None:
    fading = RouterFading(start=0.25, end=0.75)
    shares = (0.0, 0.25, 0.375, 0.5, 0.75, 1.0)
    assert [fading.alpha(share) for share in shares] == [1, 1, 0.75, 0.5, 0, 0]
    assert RouterFading().alpha(0.25) == 0.5
    assert RouterFading().alpha(0.5) == 0


@pytest.mark.parametrize("shares", [(-0.1, 0.5), (0.5, 0.5), (0.6, 0.5), (0.5, 1.1)])
def test_shares_that_make_no_sense_are_refused(shares: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="`start` and `end` must be shares of the run"):
        RouterFading(*shares)


def test_a_run_fades_step_by_step_however_many_batches_a_step_has(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen, model = Seen(), module_of("moefied_lora_shared")
    for router in routers(model):  # as another run, from whose weights this one starts, left it
        router.fade(0.0)
    run = trainer(
        tmp_path,
        callbacks=[seen, RouterFading(0.0, 1.0), Progress(every=1)],
        max_steps=2,
        accumulate_grad_batches=2,
        limit_val_batches=1,
        num_sanity_val_steps=1,
        enable_progress_bar=True,
    )

    run.fit(model, Eight(batch_size=2, workers=0))

    assert seen.trained == [1, 1, 0.5, 0.5]
    assert seen.validated == [0, 0]  # the check of what comes in, and after the last step
    assert {float(router.end) for router in routers(model)} == {1.0}
    assert run.callback_metrics["train/alpha"] == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("step ")]
    assert [line.rpartition("; ")[2] for line in lines] == ["alpha 0.500", "alpha 0.000"]


def test_faded_routers_rest_and_the_last_checkpoint_merges(tmp_path: Path) -> None:
    class Weights(Callback):
        """Of the routers, when the run is over by a half and at its end."""

        def __init__(self) -> None:
            self.kept: list[torch.Tensor] = []

        def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
            (first, *_) = routers(pl_module)
            self.kept.append(first.linear.weight.detach().clone())

    weights, keep = Weights(), ModelCheckpoint(tmp_path, filename="last", every_n_train_steps=1)
    model = module_of("moefied_lora_shared")
    run = trainer(tmp_path, callbacks=[weights, RouterFading(0.0, 0.5), keep], max_steps=4)
    run.fit(model, Eight(batch_size=2, workers=0))

    first, second, third, fourth = weights.kept
    assert not torch.equal(first, second)
    assert torch.equal(second, third)
    assert torch.equal(third, fourth)
    loaded = module_of("moefied_lora_shared")
    loaded.load_state_dict(torch.load(tmp_path / "last.ckpt", weights_only=True)["state_dict"])
    loaded.network.encoder.merge()  # type: ignore[operator]


@pytest.mark.parametrize(
    "method", ["moefied_lora_shared", pytest.param("moefied_lora_separate", marks=pytest.mark.slow)]
)
def test_a_resumed_run_fades_as_one_that_was_not_stopped(method: str, tmp_path: Path) -> None:
    def fit(start: Path | None = None) -> tuple[MultitaskModule, list[float]]:
        seen, model = Seen(), module_of(method)
        keep = ModelCheckpoint(tmp_path, filename="{step}", save_top_k=-1, every_n_train_steps=2)
        run = trainer(tmp_path, callbacks=[seen, RouterFading(0.25, 1.0), keep], max_steps=4)
        run.fit(model, Eight(batch_size=2, workers=0), ckpt_path=start)
        return model, seen.trained

    (whole, alphas), (resumed, rest) = fit(), fit(tmp_path / "step=2.ckpt")

    assert alphas == pytest.approx([1, 1, 2 / 3, 1 / 3])
    assert rest == alphas[2:]
    for key, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[key], value), key


def test_a_run_that_is_prolonged_does_not_bring_its_routers_back(tmp_path: Path) -> None:
    def fit(steps: int, start: Path | None = None) -> list[float]:
        seen, keep = Seen(), ModelCheckpoint(tmp_path, filename="last", every_n_train_steps=1)
        run = trainer(tmp_path, callbacks=[seen, RouterFading(0.0, 0.5), keep], max_steps=steps)
        run.fit(module_of("moefied_lora_shared"), Eight(batch_size=2, workers=0), ckpt_path=start)
        return seen.trained

    assert fit(4) == [1, 0.5, 0, 0]
    assert fit(12, tmp_path / "last.ckpt") == [0] * 8  # its share of the run is a third again


@pytest.mark.slow
@pytest.mark.parametrize("method", ["moefied_lora_shared", "moefied_lora_separate"])
def test_ranks_wait_for_no_gradient_of_a_faded_router(method: str, tmp_path: Path) -> None:
    """A missing gradient would be an error of DistributedDataParallel, or hang."""

    def trained(ranks: int) -> dict[str, torch.Tensor]:
        model = module_of(method).double()
        settings = {"precision": "64-true" if ranks > 1 else "32-true", "max_steps": 4}
        run = trainer(tmp_path, ranks, callbacks=[RouterFading(0.0, 0.5)], **settings)
        run.fit(model, Holes(batch_size=2 // ranks, workers=0))
        assert alpha_of(model) == 0
        return model.state_dict()

    alone, together = trained(1), trained(2)

    for key, value in alone.items():
        torch.testing.assert_close(together[key], value, rtol=1e-10, atol=1e-10, msg=key)


def test_what_is_deployed_is_counted_without_the_routers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = SimpleNamespace(image_size=(SIDE, SIDE))
    monkeypatch.setattr("vtagml.callbacks.parameter_table.data_of", lambda trainer: size)
    for callbacks, merges in (([], False), ([RouterFading(0.0, 1.0)], True)):
        run = trainer(tmp_path, callbacks=[*callbacks, ParameterTable()], max_steps=1)
        run.fit(module_of("moefied_lora_shared"), Eight(batch_size=2, workers=0))
        shared = json.loads((tmp_path / "parameters.json").read_text())["roles"]["tuning shared"]
        assert shared["deployed"] == (0 if merges else shared["trained"] > 0 and shared["trained"])


def test_a_network_without_routers_is_named(tmp_path: Path) -> None:
    run = trainer(tmp_path, callbacks=[RouterFading()], max_steps=1)
    with pytest.warns(UserWarning, match="`RouterFading` finds no router"):
        run.fit(module_of("lora_shared"), Eight(batch_size=2, workers=0))
