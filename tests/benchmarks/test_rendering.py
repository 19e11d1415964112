"""How many scenes a core renders in a second, and what they cost beside each other."""

from collections.abc import Callable
from typing import Any

import numpy as np

from datamodules.rendering import DAY, object_view, room, street
from tests.benchmarks.bench import Bench

SIZE = (128, 128)
COUNT, ROUNDS = 8, 9


def rendering(draw: Callable[[np.random.Generator], Any]) -> Callable[[], None]:
    seeds = iter(range(10**6))

    def run() -> None:
        for _ in range(COUNT):
            draw(np.random.default_rng(next(seeds)))

    return run


def test_scenes_per_second(bench: Bench) -> None:
    kinds = {
        "room": rendering(lambda random: room(random, SIZE, DAY)),
        "street": rendering(lambda random: street(random, SIZE, DAY)),
        "object": rendering(lambda random: object_view(random, SIZE)),
    }
    ratios = bench.time(f"rendering {COUNT} scenes at {SIZE[0]}² / rooms", kinds, ROUNDS)
    for row in bench.last.rows:
        bench.note(f"{row.name.title()}s per second and core: {1000 * COUNT / row.amount:.0f}.")
    # Streets have some four times as many things in view as rooms, a view of objects fewer.
    assert ratios["street"] < 10, "a street costs more than what is in it"
    assert ratios["object"] < 2, "one object costs more than a room full of them"
