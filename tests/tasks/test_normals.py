import pytest
import torch
from torch import Tensor
from torch.nn import functional

from vtagml.tasks import Normals
from vtagml.tasks.normals import direction


def pixel(x: float, y: float, z: float) -> Tensor:
    return torch.tensor([x, y, z])[None, :, None, None]


def test_prediction_has_unit_length() -> None:
    map = torch.randn(2, 3, 4, 5) * torch.logspace(-8, 4, 5)
    length = Normals().predict(map).norm(dim=1)
    torch.testing.assert_close(length, torch.ones_like(length))


def test_zero_vector_faces_the_camera() -> None:
    assert Normals().predict(pixel(0.0, 0.0, 0.0)).flatten().tolist() == [0, 0, -1]


def test_gradients_through_the_prediction_are_finite() -> None:
    map = pixel(0.0, 0.0, 0.0).requires_grad_()
    Normals().predict(map).sum().backward()
    assert map.grad is not None
    assert map.grad.isfinite().all()


def test_loss_golden() -> None:
    # (0, 0, -2) points to (0, 0, -1); against (1, 0, 0) the differences are 1, 0, 1: 2/3 a pixel.
    total, count = Normals().loss(pixel(0.0, 0.0, -2.0), pixel(1.0, 0.0, 0.0))
    assert total.item() == pytest.approx(2 / 3)
    assert count == 1


def test_loss_does_not_see_the_length() -> None:
    map, target = torch.randn(2, 3, 4, 5), functional.normalize(torch.randn(2, 3, 4, 5), dim=1)
    torch.testing.assert_close(Normals().loss(3 * map, target), Normals().loss(map, target))


def test_gradients_near_the_zero_vector_are_bounded() -> None:
    for length in (0.0, 1e-30, 1e-6, 1e-3):
        map = pixel(length, 0.0, 0.0).requires_grad_()
        Normals().loss(map, pixel(0.0, 1.0, 0.0))[0].backward()
        assert map.grad is not None
        # A third of at most 1 / 0.001 for each component.
        assert map.grad.abs().max() <= 334


def test_gradient() -> None:
    map = torch.randn(1, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(direction, map)


def test_merr_is_unchanged_when_both_are_flipped() -> None:
    task = Normals()
    mirror = torch.tensor([-1.0, 1.0, 1.0])[:, None, None]
    map, target = torch.randn(2, 3, 4, 5), functional.normalize(torch.randn(2, 3, 4, 5), dim=1)
    before, after = task.metrics(), task.metrics()
    before.update(task.predict(map), target)
    after.update(task.predict(mirror * map.flip(-1)), mirror * target.flip(-1))
    torch.testing.assert_close(after.compute(), before.compute())


@pytest.mark.parametrize(
    ("normal", "colour"),
    [
        ((0.0, 0.0, -1.0), (0.5, 0.5, 1.0)),  # faces the camera: blue
        ((1.0, 0.0, 0.0), (1.0, 0.5, 0.5)),  # right: red
        ((0.0, -1.0, 0.0), (0.5, 1.0, 0.5)),  # up, against y: green
    ],
)
def test_picture(normal: tuple[float, ...], colour: tuple[float, ...]) -> None:
    assert tuple(Normals().picture(pixel(*normal)).flatten().tolist()) == colour
