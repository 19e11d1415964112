import torch
import torch.nn.functional as F
from torch import nn

from vtagml.adapters import DynamicFilter


def moved(channels: int) -> DynamicFilter:
    made = DynamicFilter(channels).double()
    for parameter in made.parameters():
        nn.init.normal_(parameter)
    return made


def test_it_starts_by_leaving_everything_as_it_is() -> None:
    map = torch.randn(2, 5, 7, 6)

    torch.testing.assert_close(DynamicFilter(5)(map), map, rtol=0, atol=0)


def test_each_image_and_channel_is_convolved_with_a_kernel_of_its_own() -> None:
    filter, map = moved(3), torch.randn(2, 3, 7, 6, dtype=torch.float64)

    found = filter(map)

    kernels = filter.kernels(map)
    padded = F.pad(map, (1, 1, 1, 1))
    for image in range(2):
        for channel in range(3):
            # Column by column a product of patches and kernel.
            patches = padded[image, channel].unfold(0, 3, 1).unfold(1, 3, 1).flatten(2)
            torch.testing.assert_close(found[image, channel], patches @ kernels[image, channel])


def test_kernels_are_made_of_what_pooling_leaves() -> None:
    filter, map = moved(3), torch.randn(2, 3, 7, 6, dtype=torch.float64)
    turned = map.flip(-1)

    torch.testing.assert_close(filter.kernels(turned), filter.kernels(map))
    assert not torch.allclose(filter.kernels(map + torch.rand(3, 1, 1)), filter.kernels(map))


def test_dynamic_taps_are_normalised() -> None:
    filter = moved(3)
    filter.shift.data.zero_()
    filter.scale.data.fill_(2)

    taps = filter.kernels(torch.randn(2, 3, 7, 6, dtype=torch.float64)) - filter.identity

    torch.testing.assert_close(taps.mean(-1), torch.zeros(2, 3, dtype=torch.float64))
    spread = taps.std(-1, unbiased=False)
    torch.testing.assert_close(spread, torch.full_like(spread, 2), rtol=1e-3, atol=0)


def test_it_has_the_parameters_of_the_release() -> None:
    assert sum(each.numel() for each in DynamicFilter(64).parameters()) == 9 * 64**2 + 27 * 64


@torch.no_grad()
def test_it_is_exported_for_any_batch() -> None:
    filter = moved(3)
    shapes = ({0: torch.export.Dim("batch")},)

    program = torch.export.export(
        filter, (torch.zeros(2, 3, 7, 6).double(),), dynamic_shapes=shapes, strict=False
    )

    map = torch.randn(5, 3, 7, 6, dtype=torch.float64)
    torch.testing.assert_close(program.module()(map), filter(map))
