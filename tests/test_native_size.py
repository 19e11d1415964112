"""Predictions at the size of the image on disk."""

import pytest
import torch
from torch.nn import functional

from vtagml import native_size
from vtagml.native_size import Stretched, at_native_size, nearest
from vtagml.tasks import Classification, Depth, InverseDepth, Normals, Segmentation, Task


def at_sizes(
    task: Task, maps: torch.Tensor, *sizes: tuple[int, int], shown: tuple[int, int] | None = None
) -> list[torch.Tensor]:
    """The predictions of images that the network saw in the size of the maps."""
    batch = {"image": maps[:, :1], "size": torch.tensor(sizes)}
    if shown is not None:
        batch["shown"] = torch.tensor([shown])
    return list(at_native_size(task, [maps], batch))


@pytest.mark.parametrize("size", [(8, 12), (31, 47), (3, 5), (64, 12)])
@pytest.mark.parametrize("strip", [1, 200, 2**24])
def test_strips_make_a_linear_interpolation(
    size: tuple[int, int], strip: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native_size, "STRIP", strip)
    map = torch.randn(3, 8, 12)
    whole = Stretched(map, size)
    assert whole.step == 1 or strip > 1 or size == (8, 12)
    ends = [min(first + whole.step, size[0]) for first in range(0, size[0], whole.step)]
    strips = [whole.rows(first, end) for first, end in zip([0, *ends], ends, strict=False)]
    expected = functional.interpolate(map[None], size, mode="bilinear")[0]
    torch.testing.assert_close(torch.cat(strips, 1), expected)


def test_same_size_changes_nothing() -> None:
    maps = torch.randn(2, 3, 8, 12)
    found = at_sizes(Normals(), maps, (8, 12), (8, 12))
    torch.testing.assert_close(torch.stack(found), Normals().predict(maps), rtol=0, atol=0)


def test_every_sample_has_its_own_size() -> None:
    maps = torch.randn(2, 1, 8, 12)
    found = at_sizes(Depth(), maps, (16, 24), (5, 40))
    assert [tuple(each.shape) for each in found] == [(1, 16, 24), (1, 5, 40)]


def test_scores_are_stretched_before_the_class_is_chosen() -> None:
    # One row of four pixels. Class 1 wins at both ends by 2, class 0 in the middle by 2: at twice
    # the width centres are at -0.25 (as 0), 0.25, 0.75, …, 3.25 (as 3), with leads of class 1 of
    # 2, 1, -1, -2, -2, -1, 1, 2. Stretching the ids would round or repeat them.
    lead = torch.tensor([2.0, -2.0, -2.0, 2.0])
    maps = torch.stack([torch.zeros(4), lead])[None, :, None]
    (found,) = at_sizes(Segmentation(2), maps, (1, 8))
    assert found.tolist() == [[1, 1, 0, 0, 0, 0, 1, 1]]


def test_normals_stay_of_unit_length_and_depth_positive() -> None:
    (normals,) = at_sizes(Normals(), torch.randn(1, 3, 4, 4), (9, 9))
    torch.testing.assert_close(normals.norm(dim=0), torch.ones(9, 9))
    (depth,) = at_sizes(InverseDepth(), torch.randn(1, 1, 4, 4), (9, 9))
    assert (depth > 0).all()


def test_padding_is_cut_off_first() -> None:
    map = torch.full((1, 1, 8, 12), 100.0)
    map[..., :4, :6] = 2.0
    (found,) = at_sizes(Depth(), map, (16, 24), shown=(4, 6))
    expected = functional.softplus(torch.tensor(2.0))
    torch.testing.assert_close(found, expected.expand(1, 16, 24))


def test_half_precision_is_interpolated_in_full() -> None:
    map = torch.tensor([[[[256.0, 258.0]]]], dtype=torch.bfloat16)
    (found,) = at_sizes(Depth(), map, (1, 4))
    # Between 256 and 258 bfloat16 has no number.
    assert found[0, 0].tolist() == [256, 256.5, 257.5, 258]


def test_labels_of_whole_images_have_no_size() -> None:
    scores = torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    batch = {"image": torch.zeros(2, 3, 8, 8), "size": torch.tensor([[9, 9], [5, 5]])}
    found = list(at_native_size(Classification("shape", 3), [scores], batch))
    assert [int(each) for each in found] == [1, 0]


def test_padding_of_a_view_of_another_scale_is_cut_off_too() -> None:
    """Half of a map of 4 x 6, of an image of 8 x 12: what is shown is not whole pixels there."""
    small = torch.full((1, 1, 4, 6), 100.0)
    small[..., :2, :3] = 2.0
    batch = {"image": torch.zeros(1, 3, 8, 12), "size": torch.tensor([[16, 24]])}
    batch["shown"] = torch.tensor([[4, 6]])
    large = torch.full((1, 1, 8, 12), 2.0)
    (found,) = at_native_size(Depth(), [large, small], batch)
    expected = functional.softplus(torch.tensor(2.0))
    torch.testing.assert_close(found, expected.expand(1, 16, 24))


def test_views_of_the_size_on_disk_and_of_others_are_averaged_pixel_by_pixel() -> None:
    large, small = torch.randn(1, 1, 40, 50), torch.randn(1, 1, 8, 10)
    batch = {"image": torch.zeros(1, 3, 8, 10), "size": torch.tensor([[40, 50]])}
    (found,) = at_native_size(Depth(), [small, large], batch)
    wide = functional.interpolate(small, (40, 50), mode="bilinear")
    torch.testing.assert_close(
        found, ((functional.softplus(wide) + functional.softplus(large)) / 2)[0]
    )


def test_nearest_pixels_keep_ids_and_what_has_no_size() -> None:
    # Centres of four pixels lie in the pixels 0, 0, 1, 1 of two; of one pixel, in the second.
    ids = torch.tensor([[3, 9]])
    assert nearest(ids, (1, 4)).tolist() == [[3, 3, 9, 9]]
    assert nearest(ids, (2, 1)).tolist() == [[9], [9]]
    square = torch.tensor([[1, 2], [3, 4]])
    assert nearest(square, (2, 4)).tolist() == [[1, 1, 2, 2], [3, 3, 4, 4]]
    assert nearest(square, (1, 2)).tolist() == [[3, 4]]
    assert nearest(torch.tensor(4), (2, 2)).item() == 4
