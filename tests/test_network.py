"""Streams that mix behind the fork: what is captured there is no task's own."""

from collections.abc import Mapping, Sequence

import pytest
import torch
from torch import Tensor

from tests.objectives.small_adversarial import StridedBackbone
from vtagml.affinity import TROA, Affinity, Uniform
from vtagml.decoders import ConvDecoder, Decoders, PerTask
from vtagml.encoders import Encoder, Separate, Shared
from vtagml.network import MultitaskNetwork

OUTPUTS = {"depth": 1, "normals": 3}


class Crossing(PerTask):
    """Every task reads the sum of all pyramids, as exchanging decoders do."""

    apart = False

    def decode(self, pyramids: dict[str, list[Tensor]], image: Tensor) -> dict[str, Tensor]:
        levels = [sum(levels) for levels in zip(*pyramids.values(), strict=True)]
        return super().decode({task: list(levels) for task in pyramids}, image)


class Stitched(Shared):
    """An encoder that says that its streams mix."""

    apart = False


def network(
    affinity: type[Affinity], encoder: type[Encoder] = Shared, decoders: type[PerTask] = PerTask
) -> MultitaskNetwork:
    def per_task(outputs: Mapping[str, int], channels: Sequence[int]) -> Decoders:
        return decoders(outputs, channels, lambda levels, count: ConvDecoder(levels, count, 16))

    return MultitaskNetwork(
        OUTPUTS,
        lambda tasks: encoder(tasks, StridedBackbone()),  # type: ignore[call-arg, arg-type]
        per_task,
        affinity,
    ).train()


@pytest.mark.parametrize(
    ("encoder", "decoders", "reason"),
    [
        (Shared, Crossing, "the streams of Crossing mix"),
        (Stitched, PerTask, "the streams of Stitched mix"),
        (Stitched, Crossing, "the streams of Stitched and Crossing mix"),
        (Separate, PerTask, "the tasks of Separate share nothing"),
    ],
)
def test_an_affinity_that_learns_from_false_gradients_is_refused(
    encoder: type[Encoder], decoders: type[PerTask], reason: str
) -> None:
    with pytest.raises(
        ValueError, match=rf"`affinity` TROA learns .*{reason}.* `vtagml.affinity.U"
    ):
        network(TROA, encoder, decoders)


def backward(model: MultitaskNetwork) -> None:
    maps = model(torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1)))
    sum(map.square().sum() for map in maps.values()).backward()  # type: ignore[union-attr]


@pytest.mark.parametrize("decoders", [PerTask, Crossing])
def test_another_affinity_runs_and_is_shown_no_false_gradient(decoders: type[PerTask]) -> None:
    model = network(Uniform, decoders=decoders)
    backward(model)
    assert (model.take_gram() is None) == (decoders is Crossing)


def test_grams_of_all_forks_are_one() -> None:
    class Twice(Shared):
        """Two forks: the pyramid's, and one of its finest level before."""

        def __init__(self, tasks: Sequence[str], backbone: StridedBackbone) -> None:
            super().__init__(tasks, backbone)
            self.second = type(self.fork)(len(tasks))

        def forward(self, image: Tensor, omega: Tensor) -> dict[str, list[Tensor]]:
            pyramids = super().forward(image, omega)
            again = self.second(self.backbone(image)[0].movedim(1, -1)).movedim(-1, 2)
            return {
                task: [pyramid[0] + again[row], *pyramid[1:]]
                for row, (task, pyramid) in enumerate(pyramids.items())
            }

    model = network(Uniform, Twice)
    backward(model)
    first, second = (fork.take() for fork in (model.encoder.fork, model.encoder.second))  # type: ignore[operator, union-attr]
    backward(model)
    both = model.take_gram()
    assert both is not None
    assert isinstance(first, type(both))
    assert isinstance(second, type(both))
    torch.testing.assert_close(both.dots, first.dots + second.dots)
    assert model.take_gram() is None
