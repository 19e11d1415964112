"""A model's classes as those of the data, in numbers worked out by hand."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
import torch

from datamodules.cityscapes.classes import (
    CITYSCAPES_13,
    CITYSCAPES_16,
    CITYSCAPES_19,
    VKITTI2_8,
    VKITTI2_8_STRICT,
)
from datamodules.labels import LabelSpace
from datamodules.nyudv2.classes import NYU_13, NYU_40
from datamodules.taskonomy.classes import TASKONOMY_17
from datamodules.vkitti2.classes import VKITTI2_14
from tests.fakes.spaces import between
from vtagml.tasks import ClassMap, Segmentation, WideLabels
from vtagml.tasks.prior import MajorityPrior

TRAINED = ("car", "truck", "building", "sky")


@dataclass(frozen=True)
class Classes:
    names: tuple[str, ...]
    members: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def colours(self) -> tuple[tuple[int, int, int], ...]:
        return tuple((10 * index, 0, 0) for index in range(len(self.names)))


STREET = Classes(("building", "vehicle", "rider"), {"vehicle": ("bus", "car", "truck")})


def logits(*probabilities: float) -> torch.Tensor:
    """One pixel; any constant may be added to scores."""
    return torch.tensor(probabilities).log()[None, :, None, None] + 3


def street() -> Segmentation:
    task = Segmentation(4, names=TRAINED)
    task.bind({"segmentation": STREET})
    return task


def test_probabilities_of_merged_classes_add_up() -> None:
    map = ClassMap.between(TRAINED, STREET)
    assert map.members == ((2,), (0, 1), ())
    found = map.scores(logits(0.3, 0.25, 0.45, 1e-9)).softmax(1)
    # 0.3 + 0.25 beats 0.45, although building is the largest of the four.
    torch.testing.assert_close(found.flatten(), torch.tensor([0.45, 0.55, 0.0]))


def test_the_likelier_wide_class_is_predicted() -> None:
    task = street()
    assert task.predict(logits(0.3, 0.25, 0.45, 1e-9)).item() == 1
    assert task.predict(logits(0.3, 0.1, 0.59, 0.01)).item() == 0


def test_what_the_data_do_not_have_is_left_out() -> None:
    # Sky leads by far and has no place; of the rest, building has 0.2 of 0.3.
    task = street()
    scores = logits(0.05, 0.05, 0.2, 0.7)
    assert task.predict(scores).item() == 0
    total, count = task.loss(scores, torch.tensor([[[0]]]))
    assert count == 1
    assert total.item() == pytest.approx(-math.log(0.2 / 0.3), rel=1e-5)


def test_loss_is_the_likelihood_of_the_sum() -> None:
    total, _ = street().loss(logits(0.3, 0.25, 0.45, 1e-9), torch.tensor([[[1]]]))
    assert total.item() == pytest.approx(-math.log(0.55), rel=1e-5)


def test_a_class_that_is_never_predicted_does_not_enter_the_loss_but_the_metrics() -> None:
    task = street()
    scores = logits(0.3, 0.25, 0.45, 1e-9).expand(1, 4, 1, 3).clone().requires_grad_()
    target = torch.tensor([[[1, 2, 255]]])
    total, count = task.loss(scores, target)
    total.backward()
    assert count == 1
    assert total.item() == pytest.approx(-math.log(0.55), rel=1e-5)
    assert scores.grad is not None
    assert scores.grad.isfinite().all()
    assert not scores.grad[..., 1:].any()
    metrics = task.metrics()
    metrics.update(task.predict(scores.detach()), target)
    # Vehicle is right in one pixel of the two that are called so, rider in none: (1/2 + 0) / 2.
    found = metrics.compute()
    assert found["miou"].item() == pytest.approx(0.25)
    assert found["accuracy"].item() == pytest.approx(0.5)


def test_half_precision_is_summed_in_full() -> None:
    # Two of 256 make 256 + log 2 = 256.69, more than one; bfloat16 has steps of 2 there.
    pair = torch.tensor([256.0, 256.0, 256.0, 0.0], dtype=torch.bfloat16)[None, :, None, None]
    assert street().predict(pair).item() == 1


def test_pictures_and_prior_are_in_the_classes_of_the_data() -> None:
    task = street()
    assert [name for name, _ in task.legend()] == ["building", "vehicle", "rider"]
    picture = task.picture(torch.tensor([[[2, 255]]]))
    torch.testing.assert_close(picture[0, :, 0, 0], torch.tensor([20 / 255, 0, 0]))
    assert (picture[0, :, 0, 1] == 0.5).all()
    prior = task.prior()
    assert isinstance(prior, MajorityPrior)
    assert prior.classes == 3


def test_more_classes_in_the_data_than_in_the_model() -> None:
    fine = Classes(("tree", "car", "road", "sky", "bus", "building"))
    task = Segmentation(2, names=("sky", "building"))
    task.bind({"segmentation": fine})
    assert task.predict(logits(0.6, 0.4)).item() == 3
    metrics = task.metrics()
    metrics.update(torch.tensor([[[3, 5]]]), torch.tensor([[[3, 4]]]))
    # Sky 1, building only predicted and bus only labelled 0.
    assert metrics.compute()["miou"].item() == pytest.approx(1 / 3)


def test_the_same_classes_in_another_order_are_put_in_order() -> None:
    task = Segmentation(2, names=("sky", "building"))
    task.bind({"segmentation": Classes(("building", "sky"))})
    assert task.predict(logits(0.6, 0.4)).item() == 1


def test_the_same_classes_need_no_map() -> None:
    task = street()
    assert task.class_map is not None
    task.bind({"segmentation": Classes(TRAINED)})
    assert task.class_map is None
    assert task.predict(logits(0.05, 0.05, 0.2, 0.7)).item() == 3


def test_names_come_from_the_data_of_the_training() -> None:
    task = Segmentation(4)
    assert task.class_names is None
    task.bind({"segmentation": Classes(TRAINED)})
    assert task.class_names == TRAINED
    # Of a second dataset without a word on names, the classes are taken for its own, as ever.
    task.bind({"segmentation": Classes(("a", "b", "c", "d"))})
    assert task.class_map is None


def test_it_says_what_it_does() -> None:
    assert str(ClassMap.between(TRAINED, STREET)) == (
        "4 classes are read as the data's 3 (joined: vehicle = car + truck; left out: sky; "
        "never predicted: rider)"
    )
    ordered = ClassMap.between(("a", "b"), Classes(("b", "a")))
    assert str(ordered) == "2 classes are read as the data's 2"


def test_classes_without_anything_in_common_are_refused() -> None:
    with pytest.raises(ValueError, match=r"None of the model's 4 classes \(car, truck, building"):
        ClassMap.between(TRAINED, Classes(("floor", "wall")))


def test_as_many_classes_under_other_names_keep_their_order() -> None:
    found = ClassMap.between(("sky", "road"), Classes(("ciel", "route")))
    assert found.members == ((0,), (1,))
    assert "joined: ciel = sky, route = road" in str(found)


@pytest.mark.parametrize("names", [["a"], ["a", "a"]])
def test_names_must_be_one_per_class(names: list[str]) -> None:
    with pytest.raises(ValueError, match="`names` of segmentation must be 2 different"):
        Segmentation(2, names=names)


@pytest.mark.parametrize(
    ("own", "data"),
    [
        (CITYSCAPES_19, CITYSCAPES_16),
        (CITYSCAPES_19, CITYSCAPES_13),
        (CITYSCAPES_16, CITYSCAPES_13),
        (CITYSCAPES_19, VKITTI2_8),
        (CITYSCAPES_19, VKITTI2_8_STRICT),
        (CITYSCAPES_16, VKITTI2_8),
        (VKITTI2_14, CITYSCAPES_19),
        (VKITTI2_14, VKITTI2_8),
        (VKITTI2_8, CITYSCAPES_19),
        (NYU_40, NYU_13),
        (NYU_40, TASKONOMY_17),
    ],
    ids=lambda space: space.name,
)
def test_where_one_class_is_certain_it_goes_where_labels_go(
    own: LabelSpace, data: LabelSpace
) -> None:
    assert isinstance(data.labels, WideLabels)
    table = torch.from_numpy(between(own, data)[: len(own.labels.names)].astype("int64"))
    task = Segmentation(len(own.labels.names), names=own.labels.names)
    task.bind({"segmentation": data.labels})
    found = task.predict(100 * torch.eye(len(table))[:, :, None])
    assert torch.equal(found[table != 255, 0], table[table != 255])
