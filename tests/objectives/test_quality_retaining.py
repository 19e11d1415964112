"""Quality retaining: numbers worked by hand, an independent reference, and what holds anyway."""

import math
from collections.abc import Mapping
from functools import partial
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.objectives.retaining import (
    CLASSES,
    NAMES,
    OFFSETS,
    TOTAL,
    Images,
    images,
    term,
    united,
)
from vtagml.objectives import (
    HeldOut,
    LastTwo,
    MixedMean,
    MovingAverage,
    PrintedRetaining,
    QualityRetaining,
)
from vtagml.tasks import Classification, Depth, Normals, Segmentation, Task

START = 10.0


class Classes(NamedTuple):
    """Labels as a dataset may define them."""

    names: tuple[str, ...]
    colours: tuple[tuple[int, int, int], ...]


OTHER = Classes(("crow", "dove", "gull"), ((0, 0, 0), (9, 9, 9), (5, 5, 5)))


def one_task(kind: type[QualityRetaining] = QualityRetaining, **settings: Any) -> QualityRetaining:
    return kind({"birds": Classification("birds", 2)}, **settings).double()


def birds(*ids: int) -> dict[str, Any]:
    return {"image": torch.zeros(len(ids), 3, 1, 1), "birds": torch.tensor(ids)}


def test_golden_first_batch() -> None:
    objective = one_task()
    # softmax(2·ln 3 / 2) = (3/4, 1/4): the cross-entropy of its class at T = 1 is ln(10/9), the
    # teacher is a row of zeros, (1/2, 1/2). KL = ½·ln(½ / ¾) + ½·ln(½ / ¼) = ½·ln(4/3).
    scores = torch.tensor([[2 * math.log(3), 0.0]], dtype=torch.float64)
    found = objective.retaining({"birds": scores}, birds(0))
    assert found.value.item() == pytest.approx(2 * 4 * 0.5 * math.log(4 / 3))
    # The running loss takes the batch in before it weighs it.
    running = 0.95 * 10 + 0.05 * math.log(10 / 9)
    assert found.weight.item() == pytest.approx(1 / running)
    # An average with m = ½ of a row of zeros.
    torch.testing.assert_close(objective.banks["birds"].rows[0, 0], scores[0] / 2)


def test_golden_second_batch_of_the_queue() -> None:
    objective = one_task(bank=LastTwo)
    scores = torch.tensor([[2 * math.log(3), 0.0]], dtype=torch.float64)
    objective.retaining({"birds": scores}, birds(0))
    found = objective.retaining({"birds": scores}, birds(0))
    # The newer row is the scores themselves, no distance; the older is still zero: ½·ln(4/3).
    assert found.value.item() == pytest.approx(4 * 0.5 * math.log(4 / 3))


def test_golden_printed_form() -> None:
    objective = one_task(PrintedRetaining)
    # At T = 1, from the student (9/10, 1/10) to the zeros' (1/2, 1/2), divided by the batch's
    # own cross-entropy, ln(10/9).
    scores = torch.tensor([[2 * math.log(3), 0.0]], dtype=torch.float64)
    found = objective.retaining({"birds": scores}, birds(0))
    assert found.value.item() == pytest.approx(0.9 * math.log(1.8) + 0.1 * math.log(0.2))
    assert found.weight.item() == pytest.approx(1 / math.log(10 / 9))


def softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    shares: np.ndarray = powers / powers.sum(-1, keepdims=True)
    return shares


class Reference:
    """Specification of the code form, sample by sample, with a table of all classes' rows."""

    def __init__(self, queue: bool) -> None:
        self.queue = queue
        self.rows = np.zeros((2, TOTAL, TOTAL))
        self.running = dict.fromkeys(NAMES, START)

    def __call__(self, found: Images) -> tuple[float, np.ndarray]:
        """The term and its gradient by the scores, then the state of the next batch."""
        temperature = 2.0
        scores = found.scores.numpy()
        rows = [OFFSETS[NAMES[of]] + id for of, id in zip(found.sets, found.ids, strict=True)]
        for place, name in enumerate(NAMES):
            of_task = [index for index, of in enumerate(found.sets) if of == place]
            if of_task:
                surprise = [-np.log(softmax(scores[index])[rows[index]]) for index in of_task]
                self.running[name] = 0.95 * self.running[name] + 0.05 * np.mean(surprise)
        value, gradient = 0.0, np.zeros_like(scores)
        for index, row in enumerate(rows):
            share = 1 / (len(rows) * self.running[NAMES[found.sets[index]]])
            student = softmax(scores[index] / temperature)
            for copy in range(2):
                teacher = softmax(self.rows[copy, row] / temperature)
                apart = (teacher * (np.log(teacher) - np.log(student))).sum()
                value += share * temperature**2 * apart
                gradient[index] += share * temperature * (student - teacher)
        for row in set(rows):
            own = scores[[index for index, each in enumerate(rows) if each == row]]
            if self.queue:
                self.rows[1, row] = self.rows[0, row]
                self.rows[0, row] = own[-1]
            else:  # one average, which counts twice
                self.rows[:, row] = 0.5 * self.rows[0, row] + 0.5 * own.mean(0)
        return value, gradient


@pytest.mark.parametrize("queue", [False, True])
def test_independent_reference_over_several_batches(queue: bool) -> None:
    reference = Reference(queue)
    bank = LastTwo if queue else MovingAverage
    objective = QualityRetaining(united(), base=MixedMean, bank=bank).double()
    for seed in range(6):
        # The fourth batch lacks a task.
        found = images(7, seed, sets=(0, 2) if seed == 3 else (0, 1, 2))
        scores = found.scores.clone().requires_grad_()
        value = term(objective, scores, found.batch())
        value.backward()
        expected, gradient = reference(found)
        assert value.item() == pytest.approx(expected, rel=1e-12)
        assert scores.grad is not None
        np.testing.assert_allclose(scores.grad.numpy(), gradient, rtol=1e-9, atol=1e-14)
    for place, name in enumerate(NAMES):
        running = objective.running[name].value
        assert running.item() == pytest.approx(reference.running[name])
        rows = reference.rows[:, OFFSETS[name] : OFFSETS[name] + CLASSES[name]]
        np.testing.assert_allclose(objective.banks[name].rows, rows if queue else rows[:1])
        assert place or rows.any(-1).all()


def test_united_tasks_have_a_row_of_all_scores_for_every_class() -> None:
    objective = QualityRetaining(united())
    shapes = [objective.banks[name].rows.shape for name in NAMES]
    assert [shape[1] for shape in shapes] == list(CLASSES.values())
    assert {shape[2] for shape in shapes} == {TOTAL}


def test_means_are_those_of_the_base() -> None:
    found = images(9, 0)
    value = partial(term, scores=found.scores, batch=found.batch())
    counts = torch.tensor([float((found.batch()[name] != 255).sum()) for name in NAMES])
    own = QualityRetaining(united()).double()
    mixed = QualityRetaining(united(), base=MixedMean).double()
    maps = dict.fromkeys(NAMES, found.scores)
    expected = own.retaining(maps, found.batch()).value * counts / counts.sum()
    torch.testing.assert_close(mixed.retaining(maps, found.batch()).value, expected)
    assert value(own) != value(mixed)


def dense_tasks() -> dict[str, Task]:
    return {"depth": Depth(), "segmentation": Segmentation(3), "normals": Normals()}


def dense_batch() -> tuple[dict[str, Tensor], dict[str, Any]]:
    maps = {name: torch.randn(2, task.channels, 4, 5) for name, task in dense_tasks().items()}
    batch = {
        "image": torch.rand(2, 3, 4, 5),
        "depth": 1 + torch.rand(2, 1, 4, 5),
        "segmentation": torch.randint(3, (2, 4, 5)),
        "normals": torch.nn.functional.normalize(torch.randn(2, 3, 4, 5), dim=1),
    }
    batch["segmentation"][0, :2] = 255
    return maps, batch


def test_a_map_has_a_row_of_the_mean_scores_of_each_class_s_pixels() -> None:
    objective = QualityRetaining(dense_tasks())
    (maps, batch), (others, _) = dense_batch(), dense_batch()
    scores, labels = maps["segmentation"], batch["segmentation"]
    objective.retaining(maps, batch)
    rows = objective.banks["segmentation"].rows
    means = [scores.movedim(1, -1)[labels == each].mean(0) for each in range(3)]
    torch.testing.assert_close(rows[0], 0.1 * torch.stack(means))

    found = objective.retaining(others, batch)

    known = labels != 255
    student = others["segmentation"].movedim(1, -1)[known]
    teacher = 0.1 * torch.stack(means)[labels[known]]
    apart = torch.nn.functional.kl_div(
        (student / 2).log_softmax(-1), (teacher / 2).softmax(-1), reduction="none"
    )
    torch.testing.assert_close(found.value[1], 8 * apart.sum(-1).mean())


def test_tasks_without_classes_have_no_term() -> None:
    objective = QualityRetaining(dense_tasks())
    maps, batch = dense_batch()
    found = objective.retaining(maps, batch)
    assert list(objective.banks) == ["segmentation"]
    assert found.value[[0, 2]].tolist() == found.weight[[0, 2]].tolist() == [0, 0]
    assert found.value[1] > 0


def test_held_out_labels_are_not_looked_at() -> None:
    tasks: dict[str, Task] = {name: Classification(name, 2) for name in ("birds", "cars")}
    objective = QualityRetaining(tasks, base=partial(HeldOut, held_out=["cars"]))
    found = objective.retaining(dict.fromkeys(tasks, torch.randn(2, 2)), birds(0, 1))
    assert objective.taught == list(objective.banks) == ["birds"]
    assert found.value[0] > 0
    assert found.value[1] == found.weight[1] == 0


def test_the_teacher_is_a_constant() -> None:
    objective = one_task()
    first = torch.randn(1, 2, dtype=torch.float64, requires_grad=True)
    objective.retaining({"birds": first}, birds(0))
    second = torch.randn(1, 2, dtype=torch.float64, requires_grad=True)
    objective.retaining({"birds": second}, birds(0)).value.sum().backward()
    assert first.grad is None
    assert second.grad is not None
    assert not any(buffer.requires_grad for buffer in objective.buffers())


def state(objective: QualityRetaining) -> dict[str, Tensor]:
    return {key: value.clone() for key, value in objective.state_dict().items()}


@pytest.mark.parametrize("bank", [MovingAverage, LastTwo])
def test_without_a_label_it_is_zero_in_the_graph_and_nothing_moves(bank: Any) -> None:
    objective = one_task(bank=bank)
    objective.retaining({"birds": torch.randn(2, 2, dtype=torch.float64)}, birds(0, 1))
    before = state(objective)
    scores = torch.randn(2, 2, dtype=torch.float64, requires_grad=True)
    found = objective.retaining({"birds": scores}, birds(255, 255))
    found.value.sum().backward()
    assert found.value.item() == 0
    assert scores.grad is not None
    assert not scores.grad.any()
    assert_same(objective.state_dict(), before)


def assert_same(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key], value) for key, value in expected.items())


@pytest.mark.parametrize("kind", [QualityRetaining, PrintedRetaining])
@pytest.mark.parametrize("bank", [MovingAverage, LastTwo])
def test_any_scores_give_finite_terms_and_gradients(
    bank: Any, kind: type[QualityRetaining]
) -> None:
    dtypes, levels = (torch.bfloat16, torch.float16, torch.float32), (0.0, 1e-8, 6e4, 1e30)
    for case in product(dtypes, levels):
        dtype, level = case
        objective = kind({"birds": Classification("birds", 2)}, bank=bank)
        level = min(level, torch.finfo(dtype).max / 2)
        signs = torch.tensor([[1, -1], [-1, 1], [1, 1]], dtype=dtype)
        for sign in (1, -1):
            scores = (sign * level * signs).requires_grad_()
            found = objective.retaining({"birds": scores}, birds(0, 0, 1))
            (found.weight * found.value).sum().backward()
            assert found.value.isfinite().all(), case
            assert found.weight.isfinite().all(), case
            assert scores.grad is not None
            assert scores.grad.isfinite().all(), case
        assert all(value.isfinite().all() for value in objective.state_dict().values()), case


@pytest.mark.parametrize("bank", [MovingAverage, LastTwo])
def test_scores_that_are_not_finite_enter_nothing(bank: Any) -> None:
    objective, whole = one_task(bank=bank), one_task(bank=bank)
    scores = torch.randn(3, 2, dtype=torch.float64)
    whole.retaining({"birds": scores[:2]}, birds(0, 1))
    scores[2, 0] = torch.nan
    scores = scores.requires_grad_()
    found = objective.retaining({"birds": scores}, birds(0, 1, 1))
    found.value.sum().backward()
    assert scores.grad is not None
    assert scores.grad.isfinite().all()
    assert torch.equal(objective.banks["birds"].rows, whole.banks["birds"].rows)
    assert objective.running["birds"].value == START


def test_a_loss_near_zero_is_bounded() -> None:
    objective = one_task(PrintedRetaining, floor=0.25)
    scores = torch.tensor([[1e4, 0.0]], dtype=torch.float64)
    assert objective.retaining({"birds": scores}, birds(0)).weight.item() == 4


def test_running_losses_know_nothing_of_smoothing() -> None:
    plain, smoothed = (
        QualityRetaining({"birds": Classification("birds", 2, smoothing=share)})
        for share in (0.0, 0.5)
    )
    for objective in (plain, smoothed):
        objective.retaining({"birds": torch.tensor([[3.0, 0.0]])}, birds(0))
    assert torch.equal(plain.running["birds"].value, smoothed.running["birds"].value)


@pytest.mark.parametrize(
    "settings", [{"temperature": 0.0}, {"floor": 0.0}, {"decay": 1.0}, {"temperature": math.inf}]
)
def test_settings_are_validated(settings: dict[str, float]) -> None:
    (name,) = settings
    with pytest.raises(ValueError, match=f"`{name}` must be .* found {settings[name]}"):
        one_task(**settings)


def test_tasks_without_any_classes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"one at least whose labels are classes.*Depth"):
        QualityRetaining({"depth": Depth()})


def test_training_in_other_classes_is_refused() -> None:
    task = Classification("birds", 2, names=["crow", "gull"])
    task.bind({"birds": OTHER})
    with pytest.raises(ValueError, match=r"must be trained in their own classes.*birds"):
        QualityRetaining({"birds": task}).retaining({"birds": torch.zeros(1, 2)}, birds(0))
