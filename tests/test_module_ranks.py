"""A step of several ranks is that of one process: gradients, S and ω; as threads, so it is fast."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.data import default_collate

from tests.fakes.holes import holes, small_vtagml
from tests.fakes.ranks import Ranks
from vtagml.module import MultitaskModule
from vtagml.tasks import Depth

SAMPLES = 6  # The first and the fourth of them know no depth at all.


def batch(indices: range, model: MultitaskModule) -> dict[str, Any]:
    samples = []
    for index in indices:
        sample = holes(index, model.task_names)
        for key in ("image", "normals"):
            sample[key] = sample[key].transpose(2, 0, 1)
        for key in ("depth", "edges"):
            sample[key] = sample[key][None]
        samples.append(sample | {"image": sample["image"] / 255})
    together = default_collate(samples)
    return {
        key: value.double() if isinstance(value, Tensor) and key != "segmentation" else value
        for key, value in together.items()
    }


def step(model: MultitaskModule, indices: range) -> tuple[Tensor, dict[str, Tensor]]:
    """The losses of a step, and the gradients of their weighted sum."""
    given = batch(indices, model)
    losses = model.objective(model.network, given).tasks
    (model.network.affinity.weights.to(losses) * losses).sum().backward()
    model.on_before_optimizer_step(torch.optim.SGD(model.parameters(), lr=1.0))
    named = model.named_parameters()
    return losses.detach(), {name: each.grad for name, each in named if each.grad is not None}


@pytest.mark.parametrize("ranks", [2, 3])
def test_the_mean_gradient_of_the_ranks_is_that_of_one_process(ranks: int) -> None:
    alone = small_vtagml().double()
    models = [copy.deepcopy(alone) for _ in range(ranks)]
    losses, expected = step(alone, range(SAMPLES))
    share = SAMPLES // ranks
    found = Ranks(ranks).run(
        lambda rank: step(models[rank], range(share * rank, share * (rank + 1)))
    )
    torch.testing.assert_close(
        torch.stack([each for each, _ in found]).mean(0), losses, rtol=1e-10, atol=1e-10
    )
    for name, gradient in expected.items():
        # DistributedDataParallel averages the gradients of the ranks.
        mean = torch.stack([gradients[name] for _, gradients in found]).mean(0)
        torch.testing.assert_close(mean, gradient, rtol=1e-9, atol=1e-12, msg=name)
    for model in models:
        for name, buffer in alone.network.affinity.named_buffers():
            other = model.network.affinity.get_buffer(name)
            torch.testing.assert_close(other, buffer, rtol=1e-9, atol=1e-12, msg=name)
    assert alone.network.affinity.observations.all()


def test_millions_of_pixels_are_counted_in_half_precision_too() -> None:
    class Counting(Depth):
        """So many valid pixels that neither 8 nor 11 bits can count them, each of a loss of one."""

        def loss(self, map: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
            count = self.count(target)
            return map.float().sum() * 0 + count, count

        def count(self, target: Tensor) -> Tensor:
            return target.sum(dtype=torch.float32)

    model = small_vtagml()
    model.objective.tasks = {"depth": Counting()}
    image = torch.zeros(1, 3, 2, 2, dtype=torch.bfloat16)
    maps = {"depth": torch.zeros(1, 1, 2, 2, dtype=torch.bfloat16)}
    counts = (1_048_577.0, 3.0)
    found = Ranks(2).run(
        lambda rank: model.objective.losses(
            maps, {"image": image, "depth": torch.tensor(counts[rank])}
        )
    )
    assert torch.stack(found).mean().item() == pytest.approx(1.0, rel=1e-7)
