"""How many scenes a core renders in a second."""

from typing import Any

import numpy as np
import pytest

from datamodules.rendering import DAY, object_view, room, street

SIZE = (128, 128)


@pytest.mark.parametrize("kind", ["room", "street", "object"])
def test_scenes_per_second(kind: str, benchmark: Any, capsys: pytest.CaptureFixture[str]) -> None:
    draw = {
        "room": lambda random: room(random, SIZE, DAY),
        "street": lambda random: street(random, SIZE, DAY),
        "object": lambda random: object_view(random, SIZE),
    }[kind]
    seeds = iter(range(10**6))
    benchmark.pedantic(lambda: draw(np.random.default_rng(next(seeds))), rounds=60, warmup_rounds=5)
    rate = 1 / benchmark.stats.stats.median
    with capsys.disabled():
        print(f"\n{kind}: {rate:.0f} per second and core at {SIZE[0]}²")
    assert rate > 0
