"""What a step of each method costs as the experiments have it: the demo's tasks and blocks."""

from collections.abc import Callable

import pytest

from tests.benchmarks.bench import CLEARLY, Bench
from tests.benchmarks.test_training_step import step
from tests.fakes.experiments import FOLDER, resolved
from vtagml.building import built
from vtagml.module import MultitaskModule

ROUNDS = 7
DEMO = "scenes_sdne"
OVERLAYS = [
    *("vtagml_side", "plain", "frozen", "single_task", "progressive"),
    *(
        f"{tuning}_{stream}"
        for tuning in ("bottleneck_adapter", "low_rank_adapter", "lora", "bitfit", "relative_bias")
        for stream in ("shared", "separate")
    ),
    *("vmt", "vmt_lite+vmt_lite_4", "polyhistor", "polyhistor_lite", "hyperformer"),
    *("mtlora", "ditask", "tadformer"),
]
SIDE, FULL = f"{DEMO}+vtagml_side", f"{DEMO}+full"
METHODS = [FULL, DEMO, *(f"{DEMO}+{overlay}" for overlay in OVERLAYS)]


def steps() -> dict[str, Callable[[], None]]:
    made = {}
    for name in METHODS:
        configs = [next(FOLDER.glob(f"**/{stem}.yaml")) for stem in name.split("+")]
        model: MultitaskModule = built(MultitaskModule, resolved(configs)["model"])
        model.log = lambda *_, **__: None  # type: ignore[method-assign, assignment]
        made[name] = step(model)
    return made


def test_every_method(bench: Bench) -> None:
    ratios = bench.time("training step of the demo by method / full fine-tuning", steps(), ROUNDS)
    assert ratios[SIDE] < ratios[DEMO] / CLEARLY, "frozen blocks run for every task"


@pytest.mark.filterwarnings("ignore")  # of the profiler
def test_memory_of_every_method(bench: Bench) -> None:
    ratios = bench.memory("training step of the demo by method / full fine-tuning", steps())
    assert ratios[SIDE] < ratios[DEMO] / CLEARLY, "frozen blocks keep something"
