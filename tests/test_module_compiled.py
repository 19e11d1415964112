"""The network compiled, or with channels last: outputs, gradients and S stay what they are."""

import multiprocessing
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.fakes.holes import Holes, small_vtagml
from tests.fakes.trainers import trainer
from tests.test_module import loader, module
from vtagml.affinity import TROA, Gram
from vtagml.backbone.checkpointing import Run, recomputed, straight
from vtagml.compute import Compute
from vtagml.encoders import VTAGML, Encoder, SideVTAGML
from vtagml.module import MultitaskModule

Step = tuple[Tensor, dict[str, Tensor], Gram]

# Inductor adds up in another order than torch; aot_eager only traces.
SHARE = 1e-3


def step(model: MultitaskModule, batch: dict[str, Tensor]) -> Step:
    """Loss, gradients and Gram of a training step."""
    model.train().log = lambda *_, **__: None  # type: ignore[method-assign, assignment]
    loss = model.training_step(batch, 0)
    loss.backward()
    gram = model.network.take_gram()
    assert gram is not None
    gradients = {n: each.grad for n, each in model.named_parameters() if each.grad is not None}
    return loss.detach(), gradients, gram


def assert_close(found: Step, expected: Step) -> None:
    torch.testing.assert_close(found[0], expected[0])
    assert found[1].keys() == expected[1].keys() != set()
    for name, gradient in expected[1].items():
        bound = SHARE * float(gradient.abs().max())
        torch.testing.assert_close(found[1][name], gradient, rtol=0, atol=bound, msg=name)
    cosines = expected[2].cosines()
    assert cosines.isfinite().all()
    torch.testing.assert_close(found[2].cosines(), cosines, rtol=0, atol=1e-5)


def convolutional(**settings: object) -> MultitaskModule:
    torch.manual_seed(0)
    return module(**settings)  # type: ignore[arg-type]


def batch_of_holes() -> dict[str, Tensor]:
    data = Holes(batch_size=2, workers=0)
    data.setup("fit")
    return data.on_after_batch_transfer(next(iter(data.train_dataloader())), 0)


def on(device: str, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k: v.to(device) if isinstance(v, Tensor) else v for k, v in batch.items()}


def compiled_by(backend: str) -> None:
    batch = next(iter(loader()))
    plain, compiled = convolutional(), convolutional(compute=Compute(compile=backend))
    assert plain.state_dict().keys() == compiled.state_dict().keys()
    assert_close(step(compiled, batch), step(plain, batch))


def decoders_compiled_in_turn() -> None:
    made: list[str] = []
    runs: list[str] = []

    def backend(graph: Callable[..., object], inputs: object) -> Callable[..., object]:
        made.append("compiled")

        def run(*given: object) -> object:
            runs.append("run")
            return graph(*given)

        return run

    batch, model = next(iter(loader())), convolutional()
    model.network.decoders.compile(backend=backend)
    assert_close(step(model, batch), step(convolutional(), batch))
    # Decoders of as many channels, one or three, share what is compiled.
    assert (len(made), len(runs)) == (2, len(model.tasks))
    step(model, batch)
    assert (len(made), len(runs)) == (2, 2 * len(model.tasks))


def compiled_vtagml(device: str, backend: str, run: Run, encoder: type[Encoder] = VTAGML) -> None:
    plain, compiled = small_vtagml(encoder).to(device), small_vtagml(encoder).to(device)
    for model in (plain, compiled):
        model.network.encoder.backbone.run = run  # type: ignore[assignment]
    compiled.network.compile(backend=backend)
    batch = on(device, batch_of_holes())
    assert_close(step(compiled, batch), step(plain, batch))


def compiled_fit(folder: Path) -> None:
    model = convolutional(
        compute=Compute(compile="aot_eager"),
        affinity=lambda tasks: TROA(tasks, start=0, every=1),
    )
    trainer(folder, limit_val_batches=1.0).fit(model, loader(), loader())
    assert model.network.affinity.steps == 2
    assert model.network.affinity.skipped.sum() == 0


def unchecked(target: Callable[..., None], *given: object) -> None:
    """Runs in a process of its own, where annotations are not checked: no compiler traces that."""
    process = multiprocessing.get_context("spawn").Process(target=target, args=given)
    process.start()
    process.join()
    assert process.exitcode == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "backend",
    [
        "aot_eager",
        pytest.param(
            "inductor",
            marks=[
                pytest.mark.skipif(
                    shutil.which("g++") is None, reason="inductor needs a compiler of C++"
                ),
                pytest.mark.timeout(1200),
            ],
        ),
    ],
)
def test_compiled_by(backend: str) -> None:
    unchecked(compiled_by, backend)


@pytest.mark.slow
def test_a_branch_runs_its_decoder_compiled() -> None:
    unchecked(decoders_compiled_in_turn)


@pytest.mark.slow
@pytest.mark.parametrize("run", [straight, recomputed])
def test_compiled_vtagml_captures_the_same(run: Run) -> None:
    unchecked(compiled_vtagml, "cpu", "aot_eager", run)


@pytest.mark.slow
def test_compiled_beside_the_backbone_it_captures_the_same() -> None:
    unchecked(compiled_vtagml, "cpu", "aot_eager", straight, SideVTAGML)


@pytest.mark.slow
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU of NVIDIA")
def test_compiled_vtagml_captures_the_same_on_a_gpu() -> None:
    unchecked(compiled_vtagml, "cuda", "inductor", straight)


@pytest.mark.slow
def test_compiled_module_trains_and_observes(tmp_path: Path) -> None:
    unchecked(compiled_fit, tmp_path)


def test_encoder_and_decoders_are_compiled_as_the_settings_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[dict[str, object]] = []
    monkeypatch.setattr(nn.Module, "compile", lambda _, **settings: given.append(settings))
    convolutional(compute=Compute(compile="inductor", mode="reduce-overhead"))
    assert len(given) > 1
    assert all(each == {"backend": "inductor", "mode": "reduce-overhead"} for each in given)


def test_a_mode_of_no_compiler_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`compute\.compile` .* 'max-autotune', found none"):
        Compute(mode="max-autotune")


def formats_of_convolutions(model: MultitaskModule, image: Tensor) -> set[bool]:
    """Whether the outputs of the convolutions have their channels last."""
    found: set[bool] = set()

    def look(_: nn.Module, __: object, output: Tensor) -> None:
        found.add(output.is_contiguous(memory_format=torch.channels_last))

    hooks = [
        each.register_forward_hook(look)
        for each in model.modules()
        # With one channel or one place both formats are the same.
        if isinstance(each, nn.Conv2d) and each.out_channels > 1
    ]
    model.network(image)
    for hook in hooks:
        hook.remove()
    return found


@pytest.mark.parametrize(
    "device",
    [
        "cpu",
        pytest.param(
            "cuda",
            marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU of NVIDIA"),
        ),
    ],
)
def test_channels_last_changes_the_memory_and_no_number(device: str) -> None:
    batch = on(device, next(iter(loader())))
    plain, last = (
        convolutional().to(device),
        convolutional(compute=Compute(channels_last=True)).to(device),
    )
    # The images come as they are, channels first.
    assert not batch["image"].is_contiguous(memory_format=torch.channels_last)
    assert formats_of_convolutions(last, batch["image"]) == {True}
    assert False in formats_of_convolutions(plain, batch["image"])
    assert_close(step(last, batch), step(plain, batch))


def test_channels_last_survives_a_checkpoint() -> None:
    plain, last = convolutional(), convolutional(compute=Compute(channels_last=True))
    for parameter in plain.parameters():
        nn.init.normal_(parameter)
    last.load_state_dict(plain.state_dict())
    image = torch.rand(1, 3, 32, 32)
    assert formats_of_convolutions(last, image) == {True}
    for task, prediction in plain(image).items():
        torch.testing.assert_close(last(image)[task], prediction, rtol=1e-4, atol=1e-4)
