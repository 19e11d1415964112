"""What one more task costs an encoder: Swin-T, images of 224 pixels, without decoders."""

from collections.abc import Callable

import pytest
import torch

from tests.benchmarks.bench import CLEARLY, Bench
from vtagml.backbone import Swin
from vtagml.encoders import VMT, Encoder, Hyperformer, Separate, Shared
from vtagml.tuning import BottleneckAdapter

TASKS = (1, 2, 4, 8)
METHODS: dict[str, Callable[..., Encoder]] = {
    "VMT-Adapter": VMT,
    "shared adapter": lambda *given: Shared(*given, BottleneckAdapter(reduction=2)),
    "Hyperformer": Hyperformer,
    "multiple adapter": lambda *given: Separate(*given, BottleneckAdapter(reduction=2)),
}
FLAT = ("VMT-Adapter", "shared adapter")

every_method = pytest.mark.parametrize("method", METHODS)


def encoder(method: str, tasks: int) -> Encoder:
    return METHODS[method]([f"task {number}" for number in range(tasks)], Swin(weights=None))


def inference(network: Encoder) -> Callable[[], None]:
    image, omega = torch.rand(2, 3, 224, 224), torch.eye(len(network.tasks))
    network.eval()

    @torch.inference_mode()
    def run() -> None:
        network(image, omega)

    return run


def training(network: Encoder) -> Callable[[], None]:
    """Forward and backward, with a gradient for every map of every task."""
    image, omega = torch.rand(2, 3, 224, 224), torch.eye(len(network.tasks))
    network.train()

    def run() -> None:
        levels = [level for pyramid in network(image, omega).values() for level in pyramid]
        torch.autograd.backward(levels, [torch.ones_like(level) for level in levels])

    return run


@every_method
@pytest.mark.parametrize("phase", [inference, training], ids=lambda phase: phase.__name__)
def test_time_by_number_of_tasks(
    phase: Callable[[Encoder], Callable[[], None]], method: str, bench: Bench
) -> None:
    ratios = bench.time(
        f"encoder alone, {method}, {phase.__name__} / one task",
        {f"{tasks} tasks": phase(encoder(method, tasks)) for tasks in TASKS},
        rounds=3,
    )
    # In training the gradient of every task's maps comes on top of what is flat.
    most = CLEARLY if phase is inference else len(TASKS) / 2
    assert (ratios["8 tasks"] < most) == (method in FLAT)


@every_method
@pytest.mark.filterwarnings("ignore")  # of the profiler
def test_memory_by_number_of_tasks(method: str, bench: Bench) -> None:
    ratios = bench.memory(
        f"encoder alone, {method}, training / one task",
        {f"{tasks} tasks": training(encoder(method, tasks)) for tasks in TASKS},
    )
    assert (ratios["8 tasks"] < 2.5) == (method in FLAT)
