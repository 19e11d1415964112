"""Arms compared run by run."""

from pathlib import Path

import pytest

from tests.benchmarks.paired import MEAN, arm, differences, main
from tests.report.run_folders import write_run

SCALES = {"segmentation": 1.0, "depth": 2.0}


def write_arm(folder: Path, name: str, *numbers: tuple[int, int, float, float]) -> None:
    """Runs of a draw and a seed each."""
    for draw, seed, segmentation, depth in numbers:
        write_run(
            folder / f"{name}_{draw}" / str(seed),
            seed=seed,
            metrics={"segmentation": segmentation, "depth": depth},
            changes={"provenance.data.settings.scene_seed": draw},
        )


def test_by_hand(tmp_path: Path) -> None:
    write_arm(tmp_path, "core_one", (0, 0, 0.5, 1.0), (0, 1, 0.9, 1.0), (1, 0, 0.1, 3.0))
    write_arm(tmp_path, "core_one_more", (0, 0, 9.0, 9.0))  # another arm
    more = [(0, 1, 0.7, 1.6)]
    write_arm(tmp_path, "core_two", (1, 0, 0.2, 3.2), (0, 0, 0.4, 1.4), (2, 0, 7.0, 7.0), *more)
    one, two = (arm(tmp_path, f"core_{name}", SCALES) for name in ("one", "two"))
    assert len(one) == 3
    found = differences(two, one)
    # Draw 0: −0.1 and 0.4 / 2, −0.2 and 0.6 / 2; draw 1: 0.1 and 0.2 / 2. Draw 2 has no partner.
    assert found["segmentation"].mean == pytest.approx((-0.15 + 0.1) / 2)
    assert found["depth"].mean == pytest.approx((0.25 + 0.1) / 2)
    assert found[MEAN].mean == pytest.approx(0.075)
    # Two draws, not three runs, of 0.05 and 0.1: a deviation of 0.05 / √2, and Student's t of one
    # degree of freedom is 12.706.
    assert found[MEAN].count == 2
    assert found[MEAN].interval == pytest.approx(12.706 * 0.025, rel=1e-3)


def test_seeds_of_one_draw(tmp_path: Path) -> None:
    write_arm(tmp_path, "one", (0, 0, 0.5, 1.0), (0, 1, 0.5, 1.0), (0, 2, 0.5, 1.0))
    write_arm(tmp_path, "two", (0, 0, 0.6, 1.0), (0, 1, 0.7, 1.0), (0, 2, 0.8, 1.0))
    one, two = (arm(tmp_path, name, SCALES) for name in ("one", "two"))
    found = differences(two, one)["segmentation"]
    assert (found.mean, found.count) == (pytest.approx(0.2), 3)
    assert found.interval == pytest.approx(4.303 * 0.1 / 3**0.5, rel=1e-3)


def test_a_single_pair_has_no_interval(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_arm(tmp_path, "one", (0, 0, 0.5, 1.0))
    write_arm(tmp_path, "two", (0, 0, 0.25, 1.0))
    main([str(tmp_path), "one", "two", "--tasks", "segmentation", "depth=2"])
    assert "| two | 1 | −0.1250 | −0.2500 | +0.0000 |" in capsys.readouterr().out


def test_what_does_not_pair_is_said(tmp_path: Path) -> None:
    write_arm(tmp_path, "one", (0, 0, 0.5, 1.0))
    write_arm(tmp_path, "two", (1, 0, 0.5, 1.0))
    with pytest.raises(ValueError, match="a draw and a seed in common, found none"):
        differences(*(arm(tmp_path, name, SCALES) for name in ("one", "two")))
    with pytest.raises(ValueError, match="`three` must be an arm, found no folder"):
        arm(tmp_path, "three", SCALES)
    (tmp_path / "two_2" / "0").mkdir(parents=True)
    (tmp_path / "two_2" / "0" / "config.yaml").write_text("{}")
    with pytest.raises(ValueError, match="All runs of `two` must be of use, but"):
        arm(tmp_path, "two", SCALES)
    with pytest.raises(ValueError, match=r"`--tasks` must be of .*, found \['edges'\]"):
        arm(tmp_path, "one", {"edges": 1.0})
    write_arm(tmp_path, "one_more", (0, 0, 0.5, 1.0))
    (tmp_path / "one_more_0").rename(tmp_path / "one_4")
    with pytest.raises(ValueError, match="one run of each draw and seed, found two"):
        arm(tmp_path, "one", SCALES)
