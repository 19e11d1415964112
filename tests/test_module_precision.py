"""Mixed precision: S is what a backward per task gives, and steps that are left out leave it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.plugins import MixedPrecision
from torch import Tensor

from tests.fakes.holes import Holes, small_vtagml
from tests.fakes.trainers import trainer
from vtagml.callbacks import SkipFaultySteps
from vtagml.module import MultitaskModule

on_devices = pytest.mark.parametrize(
    "device",
    [
        "cpu",
        pytest.param(
            "cuda",
            marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU of NVIDIA"),
        ),
    ],
)
SIMILARITY = "network.affinity.similarity"
HALVES = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}


class Watch(Callback):
    """The batches, the scale at each backward, and the state behind each optimiser step."""

    def __init__(self) -> None:
        self.batches: list[dict[str, Any]] = []
        self.scales: list[float] = []
        self.states: list[dict[str, Tensor]] = []
        self.cosines: list[Tensor | None] = []

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        self.batches.append(batch)

    def on_before_backward(
        self, trainer: Trainer, pl_module: LightningModule, loss: Tensor
    ) -> None:
        scaler = getattr(trainer.precision_plugin, "scaler", None)
        self.scales.append(1.0 if scaler is None else scaler.get_scale())

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        state = pl_module.state_dict()
        self.states.append({key: value.detach().cpu().clone() for key, value in state.items()})
        self.cosines.append(pl_module.network.affinity.last_cosines)  # type: ignore[union-attr]


def plugin(device: str, scale: float = 2.0**10, every: int = 2000) -> MixedPrecision:
    """What `--trainer.precision 16-mixed` is on a GPU; on a CPU Lightning takes bfloat16 for it.

    A scale that overflows comes down to an ordinary one at once, and grows after `every` steps.
    """
    scaler = torch.amp.GradScaler(
        device, init_scale=scale, backoff_factor=2.0**-30, growth_interval=every
    )
    return MixedPrecision("16-mixed", device, scaler)


def weighted_vtagml() -> MultitaskModule:
    """Losses of weights that rounding does not pass over, and that differ by a factor of 40."""
    model = small_vtagml()
    for task, weight in zip(model.tasks.values(), (0.7, 2.0, 0.05, 1.3), strict=True):
        task.weight = weight
    return model


def fit(
    model: MultitaskModule,
    folder: Path,
    device: str,
    *callbacks: Callback,
    steps: int = 1,
    **settings: Any,
) -> None:
    accelerator = "gpu" if device == "cuda" else "cpu"
    run = trainer(
        folder, accelerator=accelerator, max_steps=steps, callbacks=[*callbacks], **settings
    )
    run.fit(model, Holes(batch_size=2, workers=0))


def cosines_of_a_backward_per_task(
    model: MultitaskModule, batch: Mapping[str, Any], half: torch.dtype, scale: float
) -> Tensor:
    """Cosines over the images where both tasks have a gradient, none of it by the fork."""
    encoder, leaves, image = model.network.encoder, [], batch["image"]

    def leaf(shared: Sequence[Tensor]) -> list[Tensor]:
        (tokens,) = shared
        leaves.append(tokens.clone().requires_grad_())
        return [leaves[0].expand(len(encoder.tasks), *tokens.shape)]

    with torch.autocast(image.device.type, half, cache_enabled=False):
        embeddings = encoder.embedding(model.network.affinity.omega)  # type: ignore[operator]
        pyramids = encoder.pyramids(image, embeddings, encoder.tasks, leaf)  # type: ignore[operator]
        maps = model.network.decoders(pyramids, image)
        losses = model.objective.losses(maps, batch)
    rows = [torch.autograd.grad(scale * loss, leaves, retain_graph=True)[0] for loss in losses]
    flat = torch.stack(rows).double().flatten(2)
    dots = torch.einsum("tbf,nbf->tnb", flat, flat)
    own = dots.diagonal().T
    both = (own[:, None] > 0) & (own[None] > 0)
    norms = (own[:, None] * both).sum(2)
    return (dots * both).sum(2) / (norms * norms.T).sqrt()


@on_devices
@pytest.mark.parametrize("precision", ["bf16-mixed", "16-mixed"])
def test_similarity_equals_a_backward_per_task_in_the_same_autocast(
    precision: str, device: str, tmp_path: Path
) -> None:
    model, watch = weighted_vtagml(), Watch()
    settings: dict[str, Any] = {"precision": precision}
    if precision == "16-mixed":
        settings = {"plugins": plugin(device)}
    fit(model, tmp_path, device, watch, **settings)
    expected = cosines_of_a_backward_per_task(
        weighted_vtagml().to(device).train(), watch.batches[0], HALVES[precision], watch.scales[0]
    )
    found = watch.states[0][SIMILARITY]
    assert found.isfinite().all()
    torch.testing.assert_close(found, expected.cpu(), rtol=0, atol=1e-3)


@on_devices
@pytest.mark.parametrize("scale", [2.0**7, 2.0**13, 3000.0])
def test_similarity_does_not_depend_on_the_scale(scale: float, device: str, tmp_path: Path) -> None:
    usual, other = Watch(), Watch()
    fit(small_vtagml(), tmp_path, device, usual, plugins=plugin(device))
    fit(small_vtagml(), tmp_path, device, other, plugins=plugin(device, scale))
    assert (usual.scales, other.scales) == ([2.0**10], [scale])
    torch.testing.assert_close(
        other.states[0][SIMILARITY], usual.states[0][SIMILARITY], rtol=0, atol=1e-3
    )


@on_devices
def test_scale_that_grows_does_so_between_two_steps(device: str, tmp_path: Path) -> None:
    # Within a step it would weigh the micro-batches differently, in S and in every gradient.
    usual, growing = Watch(), Watch()
    together = {"steps": 3, "accumulate_grad_batches": 2}
    fit(small_vtagml(), tmp_path, device, usual, plugins=plugin(device, 128.0), **together)  # type: ignore[arg-type]
    fit(small_vtagml(), tmp_path, device, growing, plugins=plugin(device, 128.0, 1), **together)  # type: ignore[arg-type]
    assert growing.scales == [128, 128, 256, 256, 512, 512]
    assert growing.states[-1]["network.affinity.steps"] == 3
    torch.testing.assert_close(
        growing.states[-1][SIMILARITY], usual.states[-1][SIMILARITY], rtol=0, atol=1e-3
    )


# The schedule goes on, as with every step that is left out, and torch takes it for a mistake.
@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step:UserWarning")
@on_devices
@pytest.mark.parametrize("callbacks", [[], [SkipFaultySteps]])
def test_step_that_the_scaler_leaves_out_changes_nothing(
    callbacks: list[type[SkipFaultySteps]], device: str, tmp_path: Path
) -> None:
    model, watch, skips = small_vtagml(), Watch(), [each() for each in callbacks]
    before = {key: value.clone() for key, value in model.state_dict().items()}
    precision = plugin(device, 2.0**40)
    fit(
        model,
        tmp_path,
        device,
        watch,
        *skips,
        plugins=precision,
        steps=2,
        accumulate_grad_batches=2,
    )
    assert watch.scales == [2.0**40, 2.0**40, 2.0**10, 2.0**10]
    first, second = watch.states[1], watch.states[3]
    assert [key for key in first if not torch.equal(first[key], before[key])] == []
    assert watch.cosines[1] is None
    assert second["network.affinity.steps"] == 1
    assert second["network.affinity.skipped"].sum() == 0
    for room in ("adapters", "decoders", "similarity", "log_weights"):
        assert any(room in key and not torch.equal(second[key], before[key]) for key in second)
    assert [each.faulty for each in skips] == [0 for _ in skips]
