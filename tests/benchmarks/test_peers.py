"""What a step costs with other libraries' multitask optimisation, on the same network and data."""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchjd.aggregation import UPGrad
from torchjd.autojac import jac_to_grad, mtl_backward

from tests.benchmarks.bench import CLEARLY, Bench
from tests.benchmarks.test_training_step import BLOCKS, batch, module, step
from vtagml.affinity import TROA
from vtagml.encoders import Shared
from vtagml.module import MultitaskModule
from vtagml.parameters import parameter_groups
from vtagml.tuning import BottleneckAdapter

ROUNDS = 5
LIBMTL = {"PCGrad": {}, "GradNorm": {"alpha": 1.5}, "MGDA": {"mgda_gn": "none"}}
"""Its weightings, with the settings its own command line gives them."""

Losses = Callable[[], list[Tensor]]
Backward = Callable[[Losses], None]

adapted = partial(module, partial(Shared, tuning=BottleneckAdapter(BLOCKS)))


@pytest.fixture
def weightings(monkeypatch: pytest.MonkeyPatch) -> Any:
    """LibMTL's; its networks import from a place that torchvision no longer has."""
    old = ModuleType("torchvision.models.utils")
    old.load_state_dict_from_url = torch.hub.load_state_dict_from_url  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, old.__name__, old)
    return pytest.importorskip("LibMTL.weighting", reason='pip install -e ".[bench]"')


def shared_parameters(model: MultitaskModule) -> list[nn.Parameter]:
    return [each for each in model.network.encoder.parameters() if each.requires_grad]


def stepped(model: MultitaskModule, once: Callable[[list[Tensor], list[Tensor]], Any]) -> Any:
    """An optimiser step whose gradients are made of the pyramid that all share and the losses."""
    data, network = batch(), model.network
    optimizer = torch.optim.AdamW(parameter_groups(network.decoders, network.encoder), lr=1e-3)

    def run() -> None:
        pyramid = network.encoder.backbone(data["image"])
        maps = network.decoders(dict.fromkeys(model.tasks, pyramid), data["image"])
        tasks = model.tasks.items()
        pairs = [task.loss(maps[name], data[name]) for name, task in tasks]
        once(pyramid, [sum / count for sum, count in pairs])
        optimizer.step()
        optimizer.zero_grad()

    return run


def torchjd(model: MultitaskModule) -> Callable[[], None]:
    parameters, aggregator = shared_parameters(model), UPGrad()

    def once(pyramid: list[Tensor], losses: list[Tensor]) -> None:
        moved = [level for level in pyramid if level.requires_grad]
        mtl_backward(losses, features=moved, shared_params=parameters, parallel_chunk_size=1)
        jac_to_grad(parameters, aggregator)

    return stepped(model, once)


def libmtl(weightings: Any, name: str, model: MultitaskModule) -> Callable[[], None]:
    """One of LibMTL's weightings, on our network instead of one of its own."""
    parameters = shared_parameters(model)

    class Weighted(getattr(weightings, name)):  # type: ignore[misc]
        device, rep_grad, epoch = torch.device("cpu"), False, 1
        task_num = len(model.tasks)
        train_loss_buffer = torch.ones(task_num, 1).numpy()

        def get_share_params(self) -> Iterator[nn.Parameter]:
            return iter(parameters)

        def zero_grad_share_params(self) -> None:
            # In place: torch has come to remove gradients, and it writes into them afterwards.
            for parameter in parameters:
                parameter.grad.zero_()  # type: ignore[union-attr]

    weighting = Weighted()
    weighting.init_param()
    # Its trainer writes the losses into one tensor, which would send zeros through all decoders.
    return stepped(model, lambda _, losses: weighting.backward(losses, **LIBMTL[name]))


def test_peers(bench: Bench, weightings: Any) -> None:
    jacobian = "TorchJD, mtl_backward with UPGrad"
    ratios = bench.time(
        "training step by library, plain adapters / uniform weights",
        {
            "uniform weights": step(adapted()),
            "the same again (what noise looks like)": step(adapted()),
            "TROA": step(adapted(TROA)),
            jacobian: torchjd(adapted()),
            **{f"LibMTL, {name}": libmtl(weightings, name, adapted()) for name in LIBMTL},
        },
        ROUNDS,
    )
    assert ratios["TROA"] < ratios[jacobian] / CLEARLY, "the Jacobian costs no more than the fork"
