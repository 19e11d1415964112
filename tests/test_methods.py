"""What holds for every method: what it trains, that it resumes, that ranks are one process."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor

from datamodules import Source
from tests.fakes.experiments import FOLDER
from tests.fakes.holes import SIDE, Holes, holes
from tests.fakes.methods import METHODS, module_of
from tests.fakes.trainers import trainer
from vtagml.inference import Predictor, export_network
from vtagml.module import MultitaskModule

STEPS = 5  # more than layers that start at zero lie behind one another; less than an epoch
MERGED = 1e-10  # what float64 leaves of a sum in another order

pytestmark = pytest.mark.filterwarnings(
    "ignore:It is recommended to use .*sync_dist",
    "ignore:.*does not have many workers",
    "ignore:No usable gradient",  # samples without any depth
    "ignore:Grad strides do not match bucket view strides",  # of a class token, whose sides are 1
)
every_method = pytest.mark.parametrize("method", METHODS)
# `tuning/` moves each part of the others, and `encoders/test_separate.py` takes tasks apart.
SLOW = {name for name in METHODS if name.endswith("_separate")} - {
    *("lora_separate", "moefied_lora_separate")
}


class Few(Holes):
    """Two steps an epoch."""

    def source(self, split: str) -> Source[int]:
        return Source(range(4), holes)


def state(model: MultitaskModule) -> dict[str, Tensor]:
    return {key: value.detach().clone() for key, value in model.state_dict().items()}


def trained_keys(model: MultitaskModule) -> set[str]:
    """The keys of the state whose tensors are, or lie in, a parameter that trains."""
    memories = {
        each.untyped_storage().data_ptr() for each in model.parameters() if each.requires_grad
    }
    return {
        key
        for key, value in model.state_dict().items()
        if value.untyped_storage().data_ptr() in memories
    }


def test_every_overlay_of_a_method_is_among_them() -> None:
    overlays = {path.stem for path in FOLDER.glob("methods/*.yaml")}
    objectives = {name for name in overlays if name.startswith("adversarial")}
    assert overlays - objectives - {"quality_retaining", "emtal"} == METHODS.keys() - {
        "vtagml"  # what a base runs by itself
    }


@pytest.mark.parametrize(
    "method",
    [pytest.param(each, marks=[pytest.mark.slow] if each in SLOW else ()) for each in METHODS],
)
def test_steps_move_what_trains_and_nothing_else(method: str, tmp_path: Path) -> None:
    # Adam moves what has a gradient, however small it is.
    model = module_of(method, partial(torch.optim.Adam, lr=1e-2))
    before, trained = state(model), trained_keys(model)

    trainer(tmp_path, max_steps=STEPS).fit(model, Holes(batch_size=2, workers=0))

    after = model.state_dict()
    moved = {key for key in before if not torch.equal(before[key], after[key])}
    # Torchmetrics and the affinity keep states of their own, which are no parameters.
    assert {key for key in moved if key.startswith("network.encoder")} <= trained
    # Biases of keys leave every softmax as it is, and windows of one token have no positions.
    assert len(trained - moved) <= 0.15 * len(trained), trained - moved


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")
@every_method
def test_resumed_it_is_the_run_that_was_not_stopped(method: str, tmp_path: Path) -> None:
    def fit(start: Path | None = None) -> MultitaskModule:
        model = module_of(method)
        keep = ModelCheckpoint(tmp_path, filename="{epoch}", save_top_k=-1, every_n_epochs=1)
        run = trainer(tmp_path, max_steps=4, callbacks=[keep])
        run.fit(model, Few(batch_size=2, workers=0), ckpt_path=start)
        return model

    whole, resumed = fit(), fit(tmp_path / "epoch=0.ckpt")

    for key, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[key], value), key


@pytest.mark.slow
@every_method
def test_two_ranks_train_as_one_process(method: str, tmp_path: Path) -> None:
    def trained(ranks: int) -> Mapping[str, Tensor]:
        model = module_of(method).double()
        data = Holes(batch_size=2 // ranks, workers=0)
        precision = "64-true" if ranks > 1 else "32-true"
        trainer(tmp_path, ranks, max_steps=3, precision=precision).fit(model, data)
        return model.state_dict()

    alone, together = trained(1), trained(2)

    for key, value in alone.items():
        torch.testing.assert_close(together[key], value, rtol=MERGED, atol=MERGED, msg=key)


@pytest.mark.slow
@pytest.mark.parametrize(
    "method",
    [
        *("vmt", "vmt_lite", "hyperformer", "polyhistor", "progressive", "mtlora", "tadformer"),
        *("lora_separate", "vtagml_side"),
    ],
)
def test_it_is_exported(method: str, tmp_path: Path) -> None:
    model = module_of(method).eval()
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data += 0.05 * torch.randn_like(parameter)
    found = export_network(
        Predictor(model, (SIDE, SIDE), device="cpu"), tmp_path / "network", "torch_export"
    )
    assert found.differences.keys() == model.tasks.keys()
    assert (tmp_path / "network").stat().st_size > 0
