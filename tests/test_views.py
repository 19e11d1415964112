"""Several looks at one image: what they see, and how each task averages them."""

import pytest
import torch
from torch import Tensor, nn

from vtagml.native_size import at_native_size
from vtagml.tasks import (
    Classification,
    Depth,
    Edges,
    InverseDepth,
    Normals,
    Regression,
    Segmentation,
    Task,
)
from vtagml.views import Views

HEIGHT, WIDTH = 64, 96


def every_task() -> list[Task]:
    dense = [Segmentation(4), Depth(scale=3.0), InverseDepth(name="near"), Normals(), Edges()]
    return [*dense, Regression("field"), Classification("kind", 3)]


class Mirrorable(nn.Module):
    """A network whose maps are mirrored with the image: pixels for themselves, x of normals odd."""

    def __init__(self, tasks: list[Task]) -> None:
        super().__init__()
        self.tasks = tasks
        self.seen: list[tuple[int, ...]] = []

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        self.seen.append(tuple(image.shape[-2:]))
        maps = {}
        for task in self.tasks:
            weights = torch.randn(task.channels, 3, generator=torch.Generator().manual_seed(1))
            maps[task.name] = torch.einsum("cr,brhw->bchw", weights, image - 0.5)
        # A slope to the right is one to the left in the mirror.
        red = torch.cat([image[:, :1, :, :1], image[:, :1], image[:, :1, :, -1:]], dim=-1)
        maps["normals"][:, :1] = red[..., 2:] - red[..., :-2]
        maps["kind"] = maps["kind"].mean(dim=(-2, -1))
        return maps


def found(views: Views, network: nn.Module, size: tuple[int, int]) -> dict[str, Tensor]:
    image = torch.rand(1, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(2))
    tasks = {task.name: task for task in every_task()}
    maps = views.maps(network, image, tasks)
    batch = {"image": image, "size": torch.tensor([size])}
    return {name: next(at_native_size(task, maps[name], batch)) for name, task in tasks.items()}


@pytest.mark.parametrize("size", [(HEIGHT, WIDTH), (100, 131)])
def test_mirroring_changes_nothing_for_a_network_that_is_mirrored_with_the_image(
    size: tuple[int, int],
) -> None:
    network = Mirrorable(every_task())
    once, twice = found(Views(), network, size), found(Views(flip=True), network, size)
    for name, prediction in once.items():
        torch.testing.assert_close(twice[name], prediction, rtol=1e-5, atol=1e-6)


def test_what_a_network_sees() -> None:
    network = Mirrorable(every_task())
    found(Views(flip=True, scales=[0.5, 1.0, 1.6]), network, (HEIGHT, WIDTH))
    # 0.5: 32 x 48, of which 48 / 32 is 1.5 and rounds to 2; 1.6: 102.4 and 153.6, so 3 and 5.
    sizes = [(32, 64), (HEIGHT, WIDTH), (96, 160)]
    assert network.seen == [size for size in sizes for _ in range(2)]


def test_two_scales_of_one_size_are_one_view() -> None:
    network = Mirrorable(every_task())
    found(Views(scales=[1.0, 1.01]), network, (HEIGHT, WIDTH))
    assert network.seen == [(HEIGHT, WIDTH)]


def test_scales_of_a_smooth_image_agree() -> None:
    """A plane is a plane in every size, so depth away from the border is the same."""

    class Plane(nn.Module):
        def forward(self, image: Tensor) -> dict[str, Tensor]:
            return {"depth": image[:, :1]}

    ramp = torch.linspace(1, 2, WIDTH).expand(1, 3, HEIGHT, WIDTH)
    task = Depth()
    batch = {"image": ramp, "size": torch.tensor([[HEIGHT, WIDTH]])}
    predictions = [
        next(at_native_size(task, views.maps(Plane(), ramp, {"depth": task})["depth"], batch))
        for views in (Views(), Views(flip=True, scales=[1.0, 2.0]))
    ]
    inner = [each[..., 4:-4] for each in predictions]
    torch.testing.assert_close(inner[1], inner[0], rtol=1e-3, atol=0)


def column(*values: float) -> Tensor:
    """A map of one pixel."""
    return torch.tensor(values).reshape(1, -1, 1, 1)


def test_probabilities_are_averaged_not_scores() -> None:
    # Of class 0: 0.0001, 0.8 and 0.8 have the mean 0.533; their log-odds, -9.2, 1.4 and 1.4, a mean
    # below 0. What is added to all scores of a view means nothing.
    shares = torch.tensor([[0.0001, 0.9999], [0.8, 0.2], [0.8, 0.2]])
    maps = [column(*share.log().tolist()) for share in shares]
    assert Segmentation(2).averaged(maps).item() == 0
    assert torch.stack(maps).mean(dim=0).argmax(dim=1).item() == 1
    assert Segmentation(2).averaged([maps[0] + 20, *maps[1:]]).item() == 0
    assert Classification("kind", 2).averaged([each[..., 0, 0] for each in maps]).tolist() == [0]


def test_classes_of_other_data_are_chosen_by_the_mean_of_the_models_own() -> None:
    """Car and truck are a vehicle: 0.3 + 0.25 against 0.45, twice, and once 0.1 against 0.9."""

    class Wider:
        names, colours = ("building", "vehicle"), ((0, 0, 0),) * 2
        members = {"vehicle": ("car", "truck")}

    task = Segmentation(3, names=["car", "truck", "building"])
    task.bind({"segmentation": Wider()})
    sure, unsure = column(0.3, 0.25, 0.45).log(), column(0.05, 0.05, 0.9).log()
    assert task.averaged([sure, sure]).item() == 1
    assert task.averaged([sure, sure, unsure]).item() == 0


def test_depth_is_averaged_in_metres() -> None:
    # softplus(log(e^x - 1)) is x: 2 m and 4 m. The mean of the maps, 1.85 and 3.98, is not 3 m.
    maps = [column(torch.tensor(x).expm1().log().item()) for x in (2.0, 4.0)]
    assert Depth().averaged(maps).item() == pytest.approx(3.0)
    inverse = [column(torch.tensor(1 / x).expm1().log().item()) for x in (2.0, 4.0)]
    assert InverseDepth().averaged(inverse).item() == pytest.approx(3.0)


def test_normals_are_averaged_as_directions() -> None:
    # Lengths of maps mean nothing; between (1, 0, 0) and (0, 0, -1) lies (1, 0, -1) / √2.
    found = Normals().averaged([column(100.0, 0.0, 0.0), column(0.0, 0.0, -1.0)])
    torch.testing.assert_close(found, column(0.5**0.5, 0.0, -(0.5**0.5)))


def test_edges_are_averaged_as_they_are_predicted() -> None:
    assert Edges().averaged([column(3.0), column(0.5)]).item() == pytest.approx(0.75)


def test_mirrored_maps_come_back() -> None:
    map = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]], [[5.0, 6.0]]]])
    back = torch.tensor([[[[-2.0, -1.0]], [[4.0, 3.0]], [[6.0, 5.0]]]])
    assert torch.equal(Normals().mirrored(map), back)
    assert torch.equal(Segmentation(3).mirrored(map), map.flip(-1))
    scores = torch.tensor([[1.0, 2.0, 3.0]])
    assert torch.equal(Classification("kind", 3).mirrored(scores), scores)


@pytest.mark.parametrize("scales", [[], [0.0], [-1.0], [float("inf")], [1.0, 1.0]])
def test_scales_that_are_none_are_named(scales: list[float]) -> None:
    with pytest.raises(ValueError, match="`scales` of augmented testing"):
        Views(scales=scales)
