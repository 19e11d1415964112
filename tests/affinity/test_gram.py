import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.fakes.ranks import Ranks
from vtagml.affinity import Gram, elementwise, gram, token_summed
from vtagml.affinity.gram import inner_products


def gram_of(gradient: Tensor) -> Gram:
    return Gram.of(inner_products(gradient, elementwise))


def random_gradient(tasks: int = 3, batch: int = 4, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(tasks, batch, 5, 6, generator=torch.manual_seed(0), dtype=dtype)


def test_cosines_of_two_hand_worked_gradients() -> None:
    # One image, two channels: (3, 4) and (4, 3) have the inner product 24 and both the length 5.
    found = gram_of(torch.tensor([[[3.0, 4.0]], [[4.0, 3.0]]]))
    torch.testing.assert_close(
        found.dots, torch.tensor([[25.0, 24.0], [24.0, 25.0]], dtype=torch.float64)
    )
    expected = torch.tensor([[1.0, 0.96], [0.96, 1.0]], dtype=torch.float64)
    torch.testing.assert_close(found.cosines(), expected)


def test_cosines_equal_those_of_the_flattened_gradients() -> None:
    gradient = random_gradient()
    flat = gradient.flatten(1)
    expected = torch.nn.functional.cosine_similarity(flat[:, None], flat[None], dim=-1)
    torch.testing.assert_close(gram_of(gradient).cosines(), expected, rtol=0, atol=1e-12)


def test_only_images_where_both_tasks_have_a_gradient_count() -> None:
    gradient = random_gradient()
    gradient[1, :2] = 0
    cosines = gram_of(gradient).cosines()
    common = gram_of(gradient[:, 2:]).cosines()
    torch.testing.assert_close(cosines[1], common[1])
    torch.testing.assert_close(cosines[0, 2], gram_of(random_gradient()).cosines()[0, 2])


def test_tasks_on_disjoint_images_have_no_cosine() -> None:
    gradient = random_gradient()
    gradient[0, :2] = 0
    gradient[1, 2:] = 0
    cosines = gram_of(gradient).cosines()
    assert cosines[0, 1].isnan()
    assert cosines[1, 0].isnan()
    assert int(cosines.isnan().sum()) == 2


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_gradient_that_is_not_finite_leaves_the_other_pairs_alone(bad: float) -> None:
    gradient = random_gradient()
    clean = gram_of(gradient).cosines()
    gradient[1, :, 2, 3] = bad
    cosines = gram_of(gradient).cosines()
    assert cosines[1].isnan().all()
    assert cosines[:, 1].isnan().all()
    kept = ([0, 0, 2, 2], [0, 2, 0, 2])
    torch.testing.assert_close(cosines[kept], clean[kept], rtol=0, atol=1e-14)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_bad_image_takes_only_its_own_share(bad: float) -> None:
    gradient = random_gradient()
    gradient[1, 3, 0, 0] = bad
    torch.testing.assert_close(
        gram_of(gradient).cosines()[1], gram_of(gradient[:, :3]).cosines()[1], rtol=0, atol=1e-14
    )


@pytest.mark.parametrize("weight", [1e-20, 1e-30, 1e20, 1e30])
def test_extreme_weights_do_not_change_the_cosines_in_float32(weight: float) -> None:
    gradient = random_gradient(dtype=torch.float32)
    clean = gram_of(gradient).cosines()
    gradient[0] *= weight
    torch.testing.assert_close(gram_of(gradient).cosines(), clean, rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_gradients_are_multiplied_in_float64(dtype: torch.dtype) -> None:
    gradient = random_gradient().to(dtype)
    torch.testing.assert_close(
        gram_of(gradient).dots, gram_of(gradient.double()).dots, rtol=0, atol=0
    )


@pytest.mark.parametrize("length", [1e-100, 1e100])
def test_the_product_of_two_norms_neither_under_nor_overflows(length: float) -> None:
    # Squared the lengths are 1e-200 or 1e200, whose product float64 does not hold.
    gradient = length * random_gradient()
    expected = gram_of(random_gradient()).cosines()
    torch.testing.assert_close(gram_of(gradient).cosines(), expected, rtol=0, atol=1e-12)


def of_no_image(tasks: int) -> Gram:
    return Gram.of(torch.empty(0, tasks, tasks, dtype=torch.float64))


def test_grams_of_the_parts_add_up_to_the_gram_of_the_whole() -> None:
    gradient = random_gradient()
    gradient[2, 1] = 0
    whole = gram_of(gradient)
    parts = gram_of(gradient[:, :1]) + gram_of(gradient[:, 1:])
    torch.testing.assert_close(parts.dots, whole.dots)
    torch.testing.assert_close(parts.norms, whole.norms)
    torch.testing.assert_close((whole + of_no_image(3)).dots, whole.dots, rtol=0, atol=0)


def test_grams_of_two_devices_add_up_on_the_first() -> None:
    found = gram_of(random_gradient())
    assert (found.to(torch.device("meta")) + found).dots.device.type == "meta"


def test_conversion_in_parts_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    gradient = random_gradient()
    whole = inner_products(gradient, elementwise)
    monkeypatch.setattr(gram, "ELEMENTS_AT_ONCE", 1)
    torch.testing.assert_close(inner_products(gradient, elementwise), whole, rtol=0, atol=1e-13)


def test_the_empty_gram_has_no_cosine() -> None:
    assert of_no_image(2).cosines().isnan().all()


def test_without_a_process_group_the_reduced_gram_is_the_gram_itself() -> None:
    found = gram_of(random_gradient())
    assert found.reduced() is found


def test_permuting_the_tasks_permutes_the_cosines() -> None:
    gradient = random_gradient()
    order = [2, 0, 1]
    torch.testing.assert_close(
        gram_of(gradient[order]).cosines(), gram_of(gradient).cosines()[order][:, order]
    )


def test_token_summed_takes_the_cosine_of_the_sums_over_tokens() -> None:
    # Opposite at each token, so elementwise the cosine is below one; both sum to (2, 2).
    gradient = torch.tensor([[[[2.0, 0.0], [0.0, 2.0]]], [[[0.0, 2.0], [2.0, 0.0]]]])
    summed = Gram.of(inner_products(gradient, token_summed)).cosines()
    torch.testing.assert_close(summed, torch.ones(2, 2, dtype=torch.float64))
    torch.testing.assert_close(gram_of(gradient).cosines(), torch.eye(2, dtype=torch.float64))


def test_without_tokens_both_statistics_agree() -> None:
    gradient = torch.randn(3, 4, 6)
    torch.testing.assert_close(token_summed(gradient), elementwise(gradient), rtol=0, atol=0)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(width=32, allow_nan=True, allow_infinity=True), min_size=12, max_size=12))
def test_cosines_of_any_float32_gradient_are_bounded_or_undefined(values: list[float]) -> None:
    cosines = gram_of(torch.tensor(values).reshape(3, 2, 2)).cosines()
    assert (cosines.isnan() | (cosines.abs() <= 1)).all()
    assert torch.equal(cosines.isnan(), cosines.T.isnan())


@pytest.mark.parametrize("ranks", [2, 3])
def test_over_ranks_the_reduced_gram_is_that_of_all_images(ranks: int) -> None:
    gradient = random_gradient(batch=6)
    gradient[2, 1] = 0  # The norms of a pair count the images of both, so they are no diagonal.
    whole = gram_of(gradient)
    shares = gradient.chunk(ranks, dim=1)
    for found in Ranks(ranks).run(lambda rank: gram_of(shares[rank]).reduced()):
        assert found.dots.dtype == found.norms.dtype == torch.float64
        torch.testing.assert_close(found.dots, whole.dots, rtol=1e-14, atol=1e-14)
        torch.testing.assert_close(found.norms, whole.norms, rtol=1e-14, atol=1e-14)


def test_a_rank_that_captured_nothing_takes_part() -> None:
    whole = gram_of(random_gradient())
    given = [whole, of_no_image(3)]
    for found in Ranks(2).run(lambda rank: given[rank].reduced()):
        assert torch.equal(found.dots, whole.dots)
        assert torch.equal(found.norms, whole.norms)
