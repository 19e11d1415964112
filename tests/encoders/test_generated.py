"""What all encoders with generated adapters have in common."""

from functools import partial

import pytest
import torch
from torch import Tensor, nn

from tests.fakes.backbones import FAMILIES, FIRST_OF_FAMILIES, TinySwin, TinySwinV2, awake
from vtagml.adapters import BottleneckWeights, HyperNetwork
from vtagml.affinity import take_gram
from vtagml.backbone import StagedBackbone, SwinV2Nano
from vtagml.encoders import Generated, Hyperformer, Polyhistor, PolyhistorLite

TASKS = ("segmentation", "depth", "normals")
KINDS = [Hyperformer, partial(Polyhistor, rank=4), partial(PolyhistorLite, rank=4)]


def encoder(
    kind: object = Hyperformer, family: type[StagedBackbone] = TinySwinV2, **settings: object
) -> Generated:
    torch.manual_seed(0)
    return kind(TASKS, awake(family((64, 96))), embedding=8, **settings).double()  # type: ignore[operator]


def moved(network: Generated) -> Generated:
    torch.manual_seed(2)
    for parameter in network.parameters():
        if parameter.requires_grad:
            nn.init.normal_(parameter, std=0.3)
    return network


def image() -> Tensor:
    return torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def loss(pyramids: dict[str, list[Tensor]]) -> Tensor:
    """A loss that differs between the tasks."""
    levels = [(row, level) for row, task in enumerate(TASKS) for level in pyramids[task]]
    return torch.stack([(level + row).square().mean() for row, level in levels]).sum()


@pytest.mark.parametrize("blocks", [None, [(2, 2), (4, 1)]])
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("kind", KINDS)
def test_it_starts_as_the_backbone(
    kind: object, family: type[StagedBackbone], blocks: list[tuple[int, int]] | None
) -> None:
    network = encoder(kind, family, blocks=blocks)

    pyramids = network(image(), torch.eye(3))

    assert tuple(pyramids) == TASKS
    for pyramid in pyramids.values():
        for level, expected in zip(pyramid, network.backbone(image()), strict=True):
            torch.testing.assert_close(level, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("family", FIRST_OF_FAMILIES)
@pytest.mark.parametrize("kind", KINDS)
def test_the_hypernetwork_trains_and_nothing_else(
    kind: object, family: type[StagedBackbone]
) -> None:
    network = encoder(kind, family).train()
    before = {name: each.detach().clone() for name, each in network.named_parameters()}
    trained = [each for each in network.parameters() if each.requires_grad]
    optimizer = torch.optim.Adam(trained, 1e-2)

    for step in range(3):
        optimizer.zero_grad()
        loss(network(image(), torch.eye(3))).backward()
        if step == 0:  # what generates zeros is reached at once
            for name in ("up", "bias"):
                for generator in network.hypernetwork.generators.values():  # type: ignore[union-attr, operator]
                    assert getattr(generator, name).weight.grad.any()
        optimizer.step()

    for name, parameter in network.named_parameters():
        own = name.startswith("hypernetwork.")
        assert parameter.requires_grad == own, name
        assert torch.equal(parameter, before[name]) != own, name
        assert (parameter.grad is not None and bool(parameter.grad.any())) == own, name


@pytest.mark.parametrize("kind", KINDS)
def test_every_task_and_block_has_weights_of_its_own(kind: object) -> None:
    network = moved(encoder(kind))

    weights = network.hypernetwork()

    assert list(weights) == [str(place) for place in network.places]
    for place, own in zip(network.places, weights.values(), strict=True):
        channels = network.channels[place.stage - 1]
        shapes = [tuple(tensor.shape) for tensor in own]
        assert shapes == [
            *((3, channels, channels // 2), (3, channels // 2)),
            *((3, channels // 2, channels), (3, channels)),
        ]
        for tensor in own:
            assert not torch.allclose(tensor[0], tensor[1])
    for one, other in zip(weights["stage3_block1"], weights["stage3_block2"], strict=True):
        assert not torch.allclose(one, other)


@pytest.mark.parametrize("kind", KINDS)
def test_a_task_s_embedding_changes_no_other_task(kind: object) -> None:
    network = moved(encoder(kind))
    before = network(image(), torch.eye(3))

    assert isinstance(network.hypernetwork, HyperNetwork)
    network.hypernetwork.tasks.rows.data[1] += 1
    after = network(image(), torch.eye(3))

    for task in TASKS:
        for level, same in zip(after[task], before[task], strict=True):
            assert torch.allclose(level, same) == (task != "depth")


def by_hand(tokens: Tensor, weights: BottleneckWeights, row: int) -> Tensor:
    normalised = nn.functional.layer_norm(tokens, tokens.shape[-1:])
    narrow = nn.functional.gelu(normalised @ weights.down[row] + weights.narrow_bias[row])
    return tokens + narrow @ weights.up[row] + weights.bias[row]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("blocks", [None, [(2, 2), (3, 2)]])
def test_all_tasks_at_once_are_one_task_after_the_other(
    family: type[StagedBackbone], blocks: list[tuple[int, int]] | None
) -> None:
    network = moved(encoder(family=family, blocks=blocks))
    weights = network.hypernetwork()

    pyramids = network(image(), torch.eye(3))

    for row, task in enumerate(TASKS):
        expected = network.backbone(
            image(),
            lambda place, layer, tokens, row=row: (
                by_hand(layer(tokens), weights[str(place)], row)
                if str(place) in weights
                else layer(tokens)
            ),
        )
        for level, alone in zip(pyramids[task], expected, strict=True):
            torch.testing.assert_close(level, alone, rtol=1e-10, atol=1e-10)


def test_what_is_frozen_in_front_runs_once_for_all_tasks() -> None:
    network, batches = moved(encoder(blocks=[(3, 1), (4, 2)])).train(), {}
    for place in network.backbone.places():
        network.backbone.block(place).register_forward_hook(
            lambda module, inputs, output, place=place: batches.update({str(place): len(output)})
        )

    pyramids = network(image(), torch.eye(3))

    assert {place for place, batch in batches.items() if batch == 2} == {
        *("stage1_block1", "stage1_block2", "stage2_block1", "stage2_block2", "stage3_block1")
    }
    assert {batches[place] for place in ("stage3_block2", "stage4_block1", "stage4_block2")} == {6}
    assert pyramids["depth"][1] is pyramids["normals"][1]
    assert pyramids["depth"][1].grad_fn is None


@pytest.mark.parametrize("family", [TinySwinV2, TinySwin])
def test_the_fork_captures_each_task_s_gradient(family: type[StagedBackbone]) -> None:
    network = moved(encoder(family=family, blocks=[(3, 1), (4, 2)])).train()
    leaves: list[Tensor] = []
    torch.manual_seed(3)
    weights = [torch.randn(2, each, 4, 6).double() for each in (64,)]

    def losses(pyramids: dict[str, list[Tensor]]) -> Tensor:
        levels = [pyramids[task][2].square() * weights[0] for task in TASKS]
        return torch.stack([(level * level.size(1)).sum() for level in levels])

    losses(network(image(), torch.eye(3))).sum().backward()
    gram = take_gram(network)
    part = network.fork.forward

    def leaf(tokens: Tensor) -> Tensor:
        leaves.append(tokens.clone().requires_grad_())
        return leaves[0].expand(3, *tokens.shape)

    network.fork.forward = leaf  # type: ignore[method-assign]
    separate = losses(network(image(), torch.eye(3)))
    network.fork.forward = part  # type: ignore[method-assign]
    gradients = torch.stack(
        [torch.autograd.grad(each, leaves[0], retain_graph=True)[0].flatten() for each in separate]
    )
    assert gram is not None
    directions = gradients / gradients.norm(dim=1, keepdim=True)
    torch.testing.assert_close(gram.cosines(), directions @ directions.T, rtol=0, atol=1e-10)
    assert gram.cosines()[0, 1] < 0.999


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("kind", KINDS)
def test_folded_the_weights_are_constants(kind: object, family: type[StagedBackbone]) -> None:
    network = moved(encoder(kind, family)).eval()
    expected = network(image(), torch.eye(3))

    network.fold()

    assert not any(each.requires_grad for each in network.parameters())
    assert not any(isinstance(module, HyperNetwork) for module in network.modules())
    for _ in range(2):  # to fold again changes nothing
        found = network(image(), torch.eye(3))
        for task in TASKS:
            for level, whole in zip(found[task], expected[task], strict=True):
                torch.testing.assert_close(level, whole, rtol=1e-10, atol=1e-10)
        network.fold()
    assert "hypernetwork.stage4_block2_up" in network.state_dict()


@pytest.mark.parametrize("kind", [Hyperformer, Polyhistor, PolyhistorLite])
def test_the_defaults_run_on_the_small_backbone_that_ships(kind: type[Generated]) -> None:
    network = kind(TASKS, SwinV2Nano((64, 64), weights=None)).train()

    pyramids = network(torch.rand(1, 3, 64, 64), torch.eye(3))

    loss(pyramids).backward()
    assert [level.shape[1] for level in pyramids["depth"]] == [32, 64, 128, 256]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"embedding": 0}, r"`embedding` must be positive, found 0"),
        ({"reduction": 17}, r"`reduction` must lie between 1 and the 16 channels of .* found 17"),
    ],
)
def test_what_does_not_fit_is_refused(settings: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Hyperformer(TASKS, TinySwinV2(), **settings)  # type: ignore[arg-type]
