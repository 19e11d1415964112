"""Patterns: in range, averaged with distance, and looked up where they should be."""

import numpy as np
import pytest

from datamodules.rendering.textures import LEVELS, NUMBER, PATTERNS, atlas, look_up


def _value(name: str, u: float, v: float, footprint: float = 0.0) -> float:
    number = np.array([NUMBER[name]])
    place = [np.array([x], np.float32) for x in (u, v, footprint)]
    return float(look_up(number, *place)[0])


def test_all_patterns_are_shares() -> None:
    assert atlas().min() >= 0
    assert atlas().max() <= 1
    assert np.isfinite(atlas()).all()


@pytest.mark.parametrize("name", [name for name in PATTERNS if name != "plain"])
def test_patterns_have_contrast(name: str) -> None:
    tile = PATTERNS[name]()
    assert tile.std() > 0.05


@pytest.mark.parametrize("name", PATTERNS)
def test_from_afar_only_the_mean_is_left(name: str) -> None:
    assert _value(name, 0.3, 0.7, 2.0) == pytest.approx(float(PATTERNS[name]().mean()), abs=1e-3)


def test_checker_worked_by_hand() -> None:
    # A tile is 2 × 2 fields; left-top and right-bottom are equal.
    assert _value("checker", 0.25, 0.25) == _value("checker", 0.75, 0.75) == 0
    assert _value("checker", 0.25, 0.75) == _value("checker", 0.75, 0.25) == 1
    # Tiles repeat, on the other side of zero too.
    assert _value("checker", -0.25, 0.25) == 1
    assert _value("checker", 3.25, -1.25) == 1


def test_levels_are_averages() -> None:
    rng = np.random.default_rng(0)
    u, v = (rng.uniform(-3, 3, 4000).astype(np.float32) for _ in range(2))
    number = np.full(u.size, NUMBER["bricks"])
    spread = [
        look_up(number, u, v, np.full(u.size, 2.0**level / 256, np.float32)).std()
        for level in range(LEVELS + 1)
    ]
    assert spread[0] > spread[LEVELS // 2] > spread[-1]
    assert spread[-1] < 1e-6
