"""Adversarial: their shape, both losses against two separate steps made by hand, λ."""

import math
from collections.abc import Mapping

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from tests.fakes.ranks import Ranks
from tests.objectives.small_adversarial import RANGES, dense_tasks, thin
from vtagml.objectives import Adversarial, Discriminator, SumOfTasks
from vtagml.tasks import Task

TASKS = {task.name: task for task in dense_tasks()}


def maps(seed: int) -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(seed)
    return {
        name: torch.randn(
            1, task.channels, 32, 64, generator=random, dtype=torch.float64
        ).requires_grad_()
        for name, task in TASKS.items()
    }


def by_hand(judge: Discriminator, view: Tensor, held: bool) -> Tensor:
    """The discriminator written out: five halvings, leaky between them."""
    for place in range(0, 9, 2):
        layer = judge[place]
        weight, bias = layer.weight, layer.bias
        if held:
            weight, bias = weight.detach(), bias.detach()
        view = functional.conv2d(view, weight, bias, stride=2, padding=1)
        if place < 8:
            view = torch.where(view > 0, view, 0.2 * view)
    return view


def seen(task: Task, map: Tensor) -> Tensor:
    """The views written out."""
    if task.name == "segmentation":
        p = map.softmax(1)
        return -p * p.log() / math.log(task.channels)
    if task.name == "depth":
        return 5 * (1 + map.exp()).log() / 10
    return map / map.norm(dim=1, keepdim=True) if task.name == "normals" else map


def two_steps(
    judges: Adversarial, source: Mapping[str, Tensor], target: Mapping[str, Tensor]
) -> tuple[list[Tensor], list[Tensor]]:
    """The textbook's: first the network's loss with its gradient, then the discriminators'."""
    network, own = [], []
    for name, task in TASKS.items():
        judge = judges.judges[name]
        assert isinstance(judge, Discriminator)
        scores = by_hand(judge, seen(task, target[name]), held=True)
        fooled = functional.binary_cross_entropy_with_logits(scores, torch.ones_like(scores))
        network += torch.autograd.grad(fooled, [target[name]])
    for name, task in TASKS.items():
        judge = judges.judges[name]
        assert isinstance(judge, Discriminator)
        told = []
        for domain, label in ((source, 1.0), (target, 0.0)):
            scores = by_hand(judge, seen(task, domain[name].detach()), held=False)
            labels = torch.full_like(scores, label)
            told.append(functional.binary_cross_entropy_with_logits(scores, labels))
        own += torch.autograd.grad(sum(told) / 2, list(judge.parameters()))
    return network, own


def test_one_backward_gives_the_gradients_of_two_separate_steps() -> None:
    judges = Adversarial(TASKS, ranges=RANGES, discriminator=thin).double()
    source, target = maps(0), maps(1)
    network, own = two_steps(judges, source, target)
    fooling, telling = judges.adversaries(source, target)
    (fooling.sum() + telling.sum()).backward()
    assert all(map.grad is None for map in source.values())
    for map, expected in zip(target.values(), network, strict=True):
        assert map.grad is not None
        assert map.grad.abs().max() > 0
        torch.testing.assert_close(map.grad, expected, rtol=1e-9, atol=1e-12)
    for parameter, expected in zip(judges.parameters(), own, strict=True):
        assert parameter.grad is not None
        torch.testing.assert_close(parameter.grad, expected, rtol=1e-9, atol=1e-12)


def test_ranks_of_unequal_batches_judge_as_one_process() -> None:
    judges = Adversarial({"edges": TASKS["edges"]}, discriminator=thin).double()
    source, target = (
        [maps(seed)["edges"].detach() for seed in seeds] for seeds in ((0, 1, 2), (3, 4, 5))
    )

    def losses(images: slice) -> Tensor:
        shares = ({"edges": torch.cat(domain[images])} for domain in (source, target))
        return torch.cat(judges.adversaries(*shares)).detach()

    # The ranks' gradients are averaged, so what they are of is.
    found = Ranks(2).run(lambda rank: losses(slice(2, 3) if rank else slice(0, 2)))
    torch.testing.assert_close(torch.stack(found).mean(0), losses(slice(0, 3)))


def test_untold_domains_cost_log_two() -> None:
    # Scores of zero: every softplus is log 2, and so is the mean of the discriminators' two.
    judges = Adversarial(TASKS, ranges=RANGES, discriminator=thin).double()
    torch.nn.utils.vector_to_parameters(
        torch.zeros_like(torch.nn.utils.parameters_to_vector(judges.parameters())),
        judges.parameters(),
    )
    for losses in judges.adversaries(maps(0), maps(1)):
        assert torch.allclose(losses, torch.full((4,), 2.0, dtype=torch.float64).log())


def test_half_precision_is_judged_in_half_and_averaged_in_full() -> None:
    judges = Adversarial(TASKS, ranges=RANGES, discriminator=thin).bfloat16()
    source, target = (
        {name: map.detach().bfloat16() for name, map in maps(seed).items()} for seed in (0, 1)
    )
    fooling, telling = judges.adversaries(source, target)
    assert fooling.dtype == telling.dtype == torch.float32
    scores = judges.judges["edges"](judges.codes["edges"](target["edges"]))
    torch.testing.assert_close(fooling[3], functional.softplus(-scores.float()).mean())


def test_discriminators_learn_to_tell_and_maps_to_pass() -> None:
    judges = Adversarial({"edges": TASKS["edges"]}, discriminator=thin).double()
    source, target = {"edges": maps(0)["edges"]}, {"edges": maps(1)["edges"]}
    with torch.no_grad():
        target["edges"] += 1.0
    optimizer = torch.optim.Adam(judges.parameters(), 1e-3)
    first = judges.adversaries(source, target)
    for _ in range(3):
        optimizer.zero_grad()
        judges.adversaries(source, target)[1].sum().backward()
        optimizer.step()
    told = judges.adversaries(source, target)
    assert told[1] < first[1]
    assert told[0] > first[0]
    with torch.no_grad():
        target["edges"] -= 1.0
    assert judges.adversaries(source, target)[0] < told[0]


def test_discriminator_has_the_widths_and_halves_five_times() -> None:
    judge = Discriminator(3)
    shapes = [tuple(layer.weight.shape) for layer in judge if isinstance(layer, torch.nn.Conv2d)]
    widths = [(64, 3), (128, 64), (256, 128), (512, 256), (1, 512)]
    assert shapes == [(leaving, entering, 4, 4) for leaving, entering in widths]
    assert judge(torch.rand(1, 3, 64, 96)).shape == (1, 1, 2, 3)


def test_weight_rises_between_start_and_warm_up() -> None:
    judges = Adversarial(
        TASKS, weight={"depth": 2.0, "edges": 4.0}, start=10, warmup=4, ranges=RANGES
    )
    steps = {0: 0.0, 10: 0.0, 11: 0.25, 13: 0.75, 14: 1.0, 1000: 1.0}
    for step, share in steps.items():
        # Segmentation and normals are left out.
        assert judges.weights(step).tolist() == [0.0, 2 * share, 0.0, 4 * share], step


def test_the_base_is_told_of_every_step_too() -> None:
    class Counting(SumOfTasks):
        step = -1

        def at_step(self, step: int) -> None:
            self.step = step

    judges = Adversarial({"edges": TASKS["edges"]}, base=Counting)
    judges.at_step(7)
    assert (judges.step, judges.base.step) == (7, 7)


def test_weight_without_warm_up_is_whole_from_the_start() -> None:
    judges = Adversarial({"edges": TASKS["edges"]}, weight=3.0, start=2)
    assert [judges.weights(step).item() for step in (0, 1, 2, 3)] == [0, 0, 3, 3]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"weight": {"dept": 1.0}}, r"`weight` must be by the names .*\['dept'\]"),
        ({"ranges": {"dept": (0.0, 1.0)}}, r"`ranges` must be by the names .*\['dept'\]"),
        ({"weight": -1.0}, "`weight` must be at least 0, found -1"),
        ({"weight": {"edges": float("nan")}}, "`weight` must be at least 0, found nan"),
        ({"rate": -1e-4}, "`rate` must be at least 0"),
        ({"warmup": -1}, "`start` and `warmup` must be 0 or more, found 0 and -1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Adversarial({"edges": TASKS["edges"]}, **settings)


def test_group_has_the_discriminators_own_rate_and_betas() -> None:
    judges = Adversarial({"edges": TASKS["edges"]})
    group = torch.optim.AdamW([judges.group()], lr=1.0, weight_decay=1.0).param_groups[0]
    assert (group["lr"], group["betas"], group["weight_decay"]) == (1e-4, (0.9, 0.99), 0.0)
    assert group["params"] == list(judges.parameters())


@pytest.mark.parametrize(("height", "width"), [(31, 64), (64, 16)])
def test_maps_smaller_than_a_patch_are_refused(height: int, width: int) -> None:
    with pytest.raises(ValueError, match=f"at least 32 pixels .* found {height} x {width}"):
        Discriminator(1)(torch.zeros(1, 1, height, width))


def test_the_smallest_map_has_one_score() -> None:
    assert Discriminator(1, widths=(2, 2, 2, 2))(torch.zeros(1, 1, 32, 32)).shape == (1, 1, 1, 1)
    assert Discriminator(1, widths=(2, 2))(torch.zeros(1, 1, 8, 8)).shape == (1, 1, 1, 1)
    with pytest.raises(ValueError, match="at least 8 pixels"):
        Discriminator(1, widths=(2, 2))(torch.zeros(1, 1, 7, 8))
