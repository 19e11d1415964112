import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from jsonargparse import ArgumentParser

from vtagml.affinity import (
    TAWT,
    TROA,
    Affinity,
    Fixed,
    Gram,
    PrintedTROA,
    Shuffled,
    Uniform,
    read_state,
)

TASKS = ["a", "b", "c"]


def learned() -> TROA:
    affinity = TROA(TASKS, start=0, every=1)
    cosines = [[1.0, 0.6, 0.3], [0.6, 1.0, 0.1], [0.3, 0.1, 1.0]]
    for _ in range(5):
        affinity.observe(
            Gram(torch.tensor(cosines).double(), torch.ones(3, 3, dtype=torch.float64))
        )
    return affinity


def written(affinity: Affinity, folder: Path) -> Path:
    path = folder / "affinity.json"
    path.write_text(json.dumps(affinity.state(), allow_nan=False))
    return path


def test_a_learned_affinity_goes_on_from_a_file(tmp_path: Path) -> None:
    source = learned()
    target = TROA(TASKS, start=0, every=1, initial=str(written(source, tmp_path)))
    torch.testing.assert_close(target.affinities(), source.affinities(), rtol=1e-14, atol=1e-14)
    assert torch.equal(target.similarity, source.similarity)
    assert torch.equal(target.observations, source.observations)
    assert target.steps.item() == 0


def test_what_is_learned_further_starts_from_the_file(tmp_path: Path) -> None:
    source = learned()
    target = TROA(TASKS, start=0, every=1, initial=written(source, tmp_path))
    gram = Gram(torch.eye(3, dtype=torch.float64), torch.ones(3, 3, dtype=torch.float64))
    for affinity in (source, target):
        affinity.observe(gram)
    torch.testing.assert_close(target.affinities(), source.affinities(), rtol=1e-12, atol=1e-12)


NAMES = ["a", "b", "c", "d"]
RESTING = torch.tensor(
    [[1.0, 0.6, 0.3, 0.2], [0.6, 1.0, 0.1, 0.4], [0.3, 0.1, 1.0, 0.5], [0.2, 0.4, 0.5, 1.0]]
).double()


def noisy(steps: int, unlabelled: bool) -> list[Gram]:
    """Grams of cosines around `RESTING`; if told so, of a and b never on the same image."""
    generator = torch.manual_seed(steps)
    seen = torch.ones(4, 4, dtype=torch.float64)
    if unlabelled:
        seen[0, 1] = seen[1, 0] = 0.0
    found = []
    for _ in range(steps):
        noise = 0.1 * torch.randn(4, 4, generator=generator, dtype=torch.float64)
        cosines = (RESTING + noise + noise.mT).fill_diagonal_(1.0).clamp(-1.0, 1.0)
        found.append(Gram(cosines * seen, seen))
    return found


@pytest.mark.parametrize("sibling", [TROA, PrintedTROA, TAWT, Shuffled])
@pytest.mark.parametrize("updates", [3, 40])
def test_from_the_file_a_run_goes_on_as_from_its_checkpoint(
    sibling: type[TROA], updates: int, tmp_path: Path
) -> None:
    source = sibling(NAMES, start=0, every=1)
    for gram in noisy(updates, unlabelled=False):
        source.observe(gram)
    resumed, started = sibling(NAMES, start=0, every=1), sibling(NAMES, start=0, every=1)
    resumed.load_state_dict(source.state_dict())
    started.load(read_state(written(source, tmp_path)))
    for gram in noisy(30, unlabelled=True):
        resumed.observe(gram)
        started.observe(gram)
        torch.testing.assert_close(
            started.affinities(), resumed.affinities(), rtol=1e-10, atol=1e-10
        )


@pytest.mark.parametrize(("kind", "kappa"), [(TROA, 1.0), (TROA, 2.0), (PrintedTROA, 1.0)])
def test_what_is_not_seen_any_more_keeps_its_place_among_tasks_at_rest(
    kind: type[TROA], kappa: float, tmp_path: Path
) -> None:
    """Also from a file without E, as older versions wrote, and from a run of more tasks."""
    source = kind(NAMES, kappa=kappa, start=0, every=1)
    for _ in range(60):
        source.observe(Gram(RESTING, torch.ones_like(RESTING)))
    state = source.state()
    del state["exponential_mean"]
    seen = torch.ones_like(RESTING)
    seen[0, 1] = seen[1, 0] = 0.0
    for tasks in (NAMES, NAMES[:3]):
        kept = len(tasks)
        target = kind(tasks, kappa=kappa, start=0, every=1)
        target.load(state)
        before = target.affinities()
        for _ in range(30):
            target.observe(Gram((RESTING * seen)[:kept, :kept], seen[:kept, :kept]))
        torch.testing.assert_close(target.affinities(), before, rtol=1e-6, atol=1e-6)


def test_other_settings_take_the_omega_of_the_file_and_their_own_level(tmp_path: Path) -> None:
    source = TROA(NAMES, kappa=1.0, rho=0.3, start=0, every=1)
    for gram in noisy(40, unlabelled=False):
        source.observe(gram)
    target = TROA(NAMES, kappa=0.5, rho=0.2, initial=written(source, tmp_path))
    torch.testing.assert_close(target.affinities(), source.affinities(), rtol=1e-12, atol=1e-12)
    # E is the source's L over 1 / 0.3; at these settings it would come to rest at E times 2.5.
    resting = source.log_weights * 0.3 * 2.5
    torch.testing.assert_close(target.log_weights.logsumexp(1), resting.logsumexp(1))


def test_a_never_trained_affinity_is_json_too(tmp_path: Path) -> None:
    state = read_state(written(Uniform(TASKS), tmp_path))
    again = Uniform(TASKS)
    again.load(state)
    assert again.state() == Uniform(TASKS).state()


def test_tasks_are_matched_by_name_and_rows_sum_to_one_again(tmp_path: Path) -> None:
    source = learned()
    path = written(source, tmp_path)
    target = TROA(["c", "a"])
    target.load(read_state(path))
    chosen = source.affinities()[[2, 0]][:, [2, 0]]
    expected = chosen / chosen.sum(1, keepdim=True)
    torch.testing.assert_close(target.affinities(), expected)
    torch.testing.assert_close(Fixed(["c", "a"], path).affinities(), expected)
    assert target.similarity[0, 1] == source.similarity[2, 0]


def test_one_hot_omega_can_be_adopted() -> None:
    state = learned().state()
    state["omega"] = torch.eye(3).tolist()
    target = TROA(TASKS)
    target.load(state)
    torch.testing.assert_close(target.omega, torch.eye(3))
    assert target.log_weights.isfinite().all()


@pytest.mark.parametrize("as_text", [True, False])
def test_fixed_reads_omega_and_never_changes(tmp_path: Path, as_text: bool) -> None:
    source = learned()
    path = written(source, tmp_path)
    fixed = Fixed(TASKS, str(path) if as_text else path)
    torch.testing.assert_close(fixed.omega, source.omega)
    fixed.observe(Gram(torch.eye(3).double(), torch.ones(3, 3, dtype=torch.float64)))
    torch.testing.assert_close(fixed.omega, source.omega)
    assert fixed.similarity[0, 0] == 1


def test_fixed_takes_rows_of_numbers() -> None:
    fixed = Fixed(["a", "b"], [[0.25, 0.75], [0.5, 0.5]])
    torch.testing.assert_close(fixed.omega, torch.tensor([[0.25, 0.75], [0.5, 0.5]]))
    # The source `a` counts 0.25 for `a` and 0.5 for `b`.
    torch.testing.assert_close(fixed.weights, torch.tensor([0.75, 1.25]))


def test_rows_typed_by_hand_sum_to_one_exactly() -> None:
    fixed = Fixed(["a", "b", "c"], [[0.33333, 0.33333, 0.33333]] * 3)
    torch.testing.assert_close(
        fixed.affinities(), torch.full((3, 3), 1 / 3, dtype=torch.float64), rtol=0, atol=1e-15
    )


# `instantiate_classes` is deprecated, but the only name that the oldest release we allow has.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_fixed_can_be_given_in_yaml(tmp_path: Path) -> None:
    path = written(learned(), tmp_path)
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--affinity", type=Callable[[Sequence[str]], Affinity])
    for values in ("[[1, 0, 0], [0, 0.5, 0.5], [0, 0, 1]]", str(path)):
        text = f"affinity:\n  class_path: vtagml.affinity.Fixed\n  init_args:\n    values: {values}"
        build = parser.instantiate_classes(parser.parse_string(text)).affinity
        assert build(TASKS).omega[1, 2] > 0


STARTS = [
    lambda file: Fixed(TASKS, file),
    lambda file: TROA(TASKS, start=0, every=1, initial=file),
]


@pytest.mark.parametrize("started", STARTS)
def test_a_missing_file_is_an_error_that_names_it(
    tmp_path: Path, started: Callable[[Path], Affinity]
) -> None:
    affinity = started(tmp_path / "nowhere.json")
    with pytest.raises(FileNotFoundError, match=r"there is no file .*nowhere\.json"):
        affinity.affinities()
    # What was saved of an affinity that knows nothing helps no other.
    again = started(tmp_path / "nowhere.json")
    again.load_state_dict(affinity.state_dict())
    with pytest.raises(FileNotFoundError, match=r"nowhere\.json"):
        again.affinities()


@pytest.mark.parametrize("started", STARTS)
def test_a_checkpoint_stands_for_a_file_that_is_gone(
    tmp_path: Path, started: Callable[[Path], Affinity]
) -> None:
    source = started(written(learned(), tmp_path))
    gone = started(tmp_path / "gone.json")
    gone.load_state_dict(source.state_dict())
    assert torch.equal(gone.affinities(), source.affinities())


@pytest.mark.parametrize("started", STARTS)
def test_a_file_may_come_later(tmp_path: Path, started: Callable[[Path], Affinity]) -> None:
    early = started(tmp_path / "affinity.json")
    written(learned(), tmp_path)
    torch.testing.assert_close(early.affinities(), learned().affinities(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"affinity\.json` is damaged and cannot be read as JSON"),
        ("[1]", r"must be a mapping, found \[1\]"),
        ('{"omega": []}', "must hold a mapping with the keys"),
        ('{"omega": 7}', r"`omega` in .* must be a list, found 7"),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "affinity.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_state(path)


def test_tasks_that_the_file_does_not_know_are_named(tmp_path: Path) -> None:
    path = written(learned(), tmp_path)
    with pytest.raises(ValueError, match=r"`tasks` must be among .*\['d'\] are not"):
        Fixed(["a", "d"], path)
    with pytest.raises(ValueError, match=r"\['d'\] are not"):
        TROA(["a", "d"]).load(read_state(path))


def test_tasks_that_rely_on_others_only_cannot_do_without(tmp_path: Path) -> None:
    path = written(Fixed(TASKS, [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]), tmp_path)
    with pytest.raises(ValueError, match="source of positive weight"):
        Fixed(["a", "b"], path)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[1.0]], r"`values` must be 2 x 2.*lengths \[1\]"),
        ([[1.0, 0.0], [1.0]], r"lengths \[2, 1\]"),
        ([[0.5, 0.4], [0.5, 0.5]], "sum to 1"),
        ([[1.5, -0.5], [0.5, 0.5]], "non-negative"),
        ([[math.nan, 1.0], [0.5, 0.5]], "finite"),
        ([[0.2, 0.4], [0.8, 0.6]], "transpose"),
    ],
)
def test_rows_that_are_no_affinities_are_refused(rows: list[list[float]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Fixed(["a", "b"], rows)
