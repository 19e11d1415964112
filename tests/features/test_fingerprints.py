import torch

from vtagml.features import fingerprints


def test_equal_images_have_equal_fingerprints_alone() -> None:
    images = torch.randint(0, 256, (64, 3, 8, 8)).float() / 255
    keys = fingerprints(images)
    assert len({*keys}) == 64
    assert all(len(key) == 16 for key in keys)
    assert fingerprints(images[[5, 3]]) == [keys[5], keys[3]]  # whatever stands beside them


def test_the_smallest_change_of_a_pixel_changes_it() -> None:
    image = torch.rand(1, 3, 8, 8)
    changed = image.repeat(3 * 64, 1, 1, 1)
    pixels = changed.flatten(1)
    for row in range(len(pixels)):
        pixels[row, row] = torch.nextafter(pixels[row, row], torch.tensor(2.0))
    assert len({*fingerprints(image), *fingerprints(changed)}) == 1 + 3 * 64


def test_pixels_that_change_places_change_it() -> None:
    image = torch.rand(1, 3, 8, 8)
    assert fingerprints(image) != fingerprints(image.flip(-1))
    assert fingerprints(image) != fingerprints(image.flip(1))
