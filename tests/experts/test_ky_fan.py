"""The Ky-Fan 2-k norm: by hand, and against the best approximation of a rank."""

import torch

from vtagml.experts import ky_fan_shares


def test_by_hand() -> None:
    # The first expert has one row twice, the second two orthogonal rows of lengths 3 and 4.
    weight = torch.tensor([[1.0, 2.0, 2.0], [3.0, 0.0, 0.0], [1.0, 2.0, 2.0], [0.0, 4.0, 0.0]])

    found = ky_fan_shares(weight, torch.tensor([0, 1, 0, 1]))

    expected = torch.tensor([[1.0, 1.0], [4 / 5, 1.0]], dtype=torch.float64)
    torch.testing.assert_close(found, expected)


def test_it_is_what_a_low_rank_matrix_can_hold() -> None:
    weight = torch.randn(12, 5, dtype=torch.float64)
    left, values, right = torch.linalg.svd(weight, full_matrices=False)
    nearest = left[:, :2] * values[:2] @ right[:2]

    found = ky_fan_shares(weight, torch.zeros(12, dtype=torch.int64))

    expected = nearest.norm() / weight.norm()
    torch.testing.assert_close(found[0, 1], expected)
