"""What holds for every weighting in training: it weighs, ranks are one process, it resumes."""

import copy
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import Tensor
from torchjd.aggregation import (
    IMTLG,
    MGDA,
    AlignedMTL,
    CAGrad,
    DualProj,
    NashMTL,
    PCGrad,
    Random,
    UPGrad,
)

from tests.fakes.experiments import FOLDER, name_of, shown_with
from tests.fakes.ranks import Ranks
from tests.fakes.trainers import trainer
from tests.test_methods import state
from tests.test_module import loader, module
from tests.test_module_ranks import SAMPLES, batch
from vtagml.affinity import DWA, FAMO, GLS, GradNorm, GramianWeighting, Weighting
from vtagml.encoders import Separate
from vtagml.module import MultitaskModule
from vtagml.network import MultitaskNetwork
from vtagml.objectives import Uncertainty

WEIGHTINGS: dict[str, dict[str, Any]] = {
    **{
        name: {"affinity": lambda tasks, make=make: GramianWeighting(tasks, make())}
        for name, make in {
            "upgrad": UPGrad,
            "dual_proj": DualProj,
            "mgda": MGDA,
            "cagrad": lambda: CAGrad(0.4),
            "pcgrad": PCGrad,
            "aligned_mtl": AlignedMTL,
            "imtl_g": IMTLG,
            "nash_mtl": lambda: NashMTL(4),
            "random": Random,
        }.items()
    },
    "grad_norm": {"affinity": GradNorm},
    "dwa": {"affinity": lambda tasks: DWA(tasks, every=1)},
    "famo": {"affinity": FAMO},
    "gls": {"affinity": GLS},
    "uncertainty": {"objective": Uncertainty},
}
OF_THE_JACOBIAN = ("conflict_free", "graddrop")  # callbacks/test_jacobian_aggregation.py
# Of what is one class with other settings, one that solves and one that draws.
FAST = ("upgrad", "pcgrad", "grad_norm", "dwa", "famo", "gls", "uncertainty")
every_weighting = pytest.mark.parametrize(
    "name",
    [pytest.param(each, marks=() if each in FAST else pytest.mark.slow) for each in WEIGHTINGS],
)
pytestmark = pytest.mark.filterwarnings("ignore:.*does not have many workers")


def weighted(name: str) -> MultitaskModule:
    torch.manual_seed(0)
    return module(**WEIGHTINGS[name])


def test_every_overlay_of_a_weighting_is_among_them() -> None:
    overlays = {path.stem: path for path in FOLDER.glob("weightings/*.yaml")}
    assert overlays.keys() == {*WEIGHTINGS, *OF_THE_JACOBIAN}
    for name, path in overlays.items():
        changed = yaml.safe_load(path.read_text())
        if name in OF_THE_JACOBIAN:
            assert changed.keys() == {"trainer"}
        else:
            assert changed["model"]["init_args"].keys() == WEIGHTINGS[name].keys()
        assert name_of(shown_with(path)) == f"scenes_sdne+lora_shared+{name}"


@every_weighting
def test_it_weighs_the_losses_of_training_and_leaves_omega(name: str, tmp_path: Path) -> None:
    model = weighted(name)
    trainer(tmp_path, max_steps=4).fit(model, loader(8))
    objective, affinity = model.objective, model.network.affinity
    if isinstance(objective, Uncertainty):
        assert objective.log_variances.rows.all()
        return
    assert isinstance(affinity, Weighting)
    assert affinity.weights.isfinite().all()
    assert (affinity.weights > 0).all()
    if name != "dual_proj":  # these gradients' mean opposes none of them
        assert affinity.weights.std() > 1e-3
    assert torch.equal(affinity.omega, torch.eye(4))


def test_weights_are_those_of_the_batch_that_they_weigh() -> None:
    model = weighted("gls").double()
    model.log = lambda *_, **__: None  # type: ignore[method-assign, assignment]
    given = batch(range(2, 4), model)
    losses = model.objective(model.network, given).tasks
    total = model.training_step(given, 0)
    torch.testing.assert_close(total, losses.log().mean().exp(), rtol=1e-6, atol=0)


def gradients(model: MultitaskModule, indices: range) -> dict[str, Tensor]:
    """Of a step, which the affinity sees; nothing is updated."""
    model.zero_grad()
    model.training_step(batch(indices, model), 0).backward()
    model.on_before_optimizer_step(torch.optim.SGD(model.parameters(), lr=1.0))
    return {name: own.grad for name, own in model.named_parameters() if own.grad is not None}


@every_weighting
def test_ranks_weigh_as_one_process(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    count, share = 2, SAMPLES // 2
    alone = weighted(name).double()
    alone.log = lambda *_, **__: None  # type: ignore[method-assign, assignment]
    models = [copy.deepcopy(alone) for _ in range(count)]
    # Processes have random numbers and filters of warnings of their own, threads have not.
    solve, alone_in_it = GramianWeighting.solve, threading.Lock()

    def solved(affinity: GramianWeighting, gramian: Tensor) -> Tensor:
        with alone_in_it:
            return solve(affinity, gramian)

    monkeypatch.setattr(GramianWeighting, "solve", solved)
    for step in range(3):
        monkeypatch.setattr(MultitaskModule, "global_step", step)
        expected = gradients(alone, range(SAMPLES))
        found = Ranks(count).run(
            lambda rank: gradients(models[rank], range(share * rank, share * (rank + 1)))
        )
        for key, gradient in expected.items():
            # DistributedDataParallel averages the gradients of the ranks.
            mean = torch.stack([each[key] for each in found]).mean(0)
            torch.testing.assert_close(mean, gradient, rtol=1e-6, atol=1e-9, msg=key)
    for model in models:
        for key, buffer in alone.network.affinity.named_buffers():
            other = model.network.affinity.get_buffer(key)
            torch.testing.assert_close(other, buffer, rtol=1e-6, atol=1e-9, msg=key)
            assert torch.equal(other, models[0].network.affinity.get_buffer(key)), key


@every_weighting
def test_resumed_it_is_the_run_that_was_not_stopped(name: str, tmp_path: Path) -> None:
    whole = weighted(name)
    trainer(tmp_path, max_epochs=3).fit(whole, loader())
    first = trainer(tmp_path, max_epochs=3, limit_train_batches=2)
    first.fit_loop.max_epochs = 1
    half = weighted(name)
    # The schedule knows the length of the run, so it is given to the first half, too.
    half.schedule = lambda optimizer, _: whole.schedule(optimizer, 6)  # type: ignore[assignment]
    first.fit(half, loader())
    first.save_checkpoint(tmp_path / "half.ckpt")
    resumed = weighted(name)
    trainer(tmp_path, max_epochs=3).fit(resumed, loader(), ckpt_path=tmp_path / "half.ckpt")
    for key, value in state(whole).items():
        assert torch.equal(resumed.state_dict()[key], value), key


def test_the_state_stays_float64_and_follows_the_network_to_its_device() -> None:
    for name in ("upgrad", "grad_norm", "dwa", "famo", "gls"):
        affinity = weighted(name).network.affinity
        buffers = {key: own.dtype for key, own in affinity.named_buffers()}
        affinity.bfloat16()
        assert {key: own.dtype for key, own in affinity.named_buffers()} == buffers
        affinity.to("meta")
        assert affinity.weights.device.type == "meta"


@pytest.mark.parametrize("name", ["upgrad", "grad_norm"])
def test_what_learns_from_gradients_is_refused_where_there_are_none(name: str) -> None:
    from tests.test_module import StridedBackbone, decoders

    outputs: Mapping[str, int] = {"a": 1, "b": 1}

    def separate(tasks: Sequence[str]) -> Separate:
        return Separate(tasks, StridedBackbone())

    with pytest.raises(ValueError, match="the tasks of Separate share nothing"):
        MultitaskNetwork(outputs, separate, decoders, WEIGHTINGS[name]["affinity"])
