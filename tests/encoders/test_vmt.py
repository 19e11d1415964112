"""VMT-Adapter: what it computes, what of it trains, what it costs, what it folds to."""

from functools import partial

import pytest
import torch
from torch import Tensor, nn

from tests.fakes.backbones import FAMILIES, TinySwin, TinySwinV2, awake
from vtagml.adapters import FoldedVMTAdapter, VMTAdapter, VMTAdapterLite
from vtagml.affinity import take_gram
from vtagml.backbone import StagedBackbone, Swin
from vtagml.encoders import VMT

TASKS = ("segmentation", "depth", "normals")
KINDS = [VMTAdapter, partial(VMTAdapterLite, dimension=2)]


def encoder(
    kind: object = VMTAdapter, family: type[StagedBackbone] = TinySwinV2, **settings: object
) -> VMT:
    torch.manual_seed(0)
    return VMT(TASKS, awake(family((64, 96))), adapter=kind, **settings).double()  # type: ignore[arg-type]


def moved(network: VMT) -> VMT:
    for parameter in network.parameters():
        if parameter.requires_grad:
            nn.init.normal_(parameter, std=0.3)
    return network


def image() -> Tensor:
    return torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def adapter(network: VMT, place: str) -> VMTAdapter:
    found = network.adapters[place]
    assert isinstance(found, VMTAdapter)
    return found


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("kind", KINDS)
def test_it_starts_as_the_backbone(kind: object, family: type[StagedBackbone]) -> None:
    network = encoder(kind, family)

    for pyramid in network(image(), torch.eye(3)).values():
        for level, expected in zip(pyramid, network.backbone(image()), strict=True):
            torch.testing.assert_close(level, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("kind", KINDS)
def test_adapters_train_and_nothing_else(kind: object, family: type[StagedBackbone]) -> None:
    network = moved(encoder(kind, family)).train()

    pyramids = network(image(), torch.eye(3))
    sum(level.square().mean() for task in TASKS for level in pyramids[task]).backward()

    for key, parameter in network.named_parameters():
        assert (parameter.grad is not None) == key.startswith("adapters."), key
        assert parameter.grad is None or parameter.grad.any(), key


def test_the_stream_takes_one_share_and_a_task_scales_and_shifts_the_other() -> None:
    network = moved(encoder(blocks=[(4, 2)], kind=partial(VMTAdapter, gate=0.25), family=TinySwin))
    last = adapter(network, "stage4_block2")
    entering: list[Tensor] = []
    last.norm.register_forward_hook(lambda module, inputs, output: entering.append(inputs[0]))

    pyramids = network(image(), torch.eye(3))

    (tokens,) = entering
    normalised = nn.functional.layer_norm(tokens, (128,), last.norm.weight, last.norm.bias)
    features = (normalised @ last.down_weight.T).relu() @ last.up_weight.T + last.bias
    # What the frozen block says, of the tokens behind its attention.
    block = network.backbone.stages[3].blocks[1]
    frozen = tokens + block.mlp(block.norm2(tokens))  # type: ignore[operator]
    for row, task in enumerate(TASKS):
        own = last.scale.rows[row] * (0.25 * features) + last.shift.rows[row]
        expected = (frozen + 0.75 * features + own).permute(0, 3, 1, 2)
        torch.testing.assert_close(pyramids[task][3], expected)
        for level, whole in zip(pyramids[task][:3], network.backbone(image())[:3], strict=True):
            torch.testing.assert_close(level, whole)


def test_a_stage_adds_up_what_its_blocks_say_and_only_the_generic_part_goes_on() -> None:
    network = moved(encoder(blocks=[(3, 1), (3, 2)]))
    generic = network(image(), torch.eye(3))["depth"]
    first, second = (adapter(network, f"stage3_block{block}") for block in (1, 2))
    before = [each.scale.rows.detach().clone() for each in (first, second)]

    def third(scales: tuple[float, float]) -> list[Tensor]:
        for each, start, factor in zip((first, second), before, scales, strict=True):
            each.scale.rows.data.copy_(start * factor)
        return network(image(), torch.eye(3))["depth"]

    both, one, other, none = (third(on) for on in ((1, 1), (1, 0), (0, 1), (0, 0)))

    torch.testing.assert_close(both[2] - none[2], (one[2] - none[2]) + (other[2] - none[2]))
    assert not torch.allclose(one[2], none[2])
    assert not torch.allclose(other[2], none[2])
    # The fourth stage reads the stream, in which no task has a part.
    torch.testing.assert_close(none[3], generic[3])


def test_a_task_s_own_changes_no_other_task() -> None:
    network = moved(encoder())
    before = network(image(), torch.eye(3))

    for module in network.adapters.values():
        assert isinstance(module, VMTAdapter)
        module.scale.rows.data[1] += 1
        module.shift.rows.data[1] += 1
    after = network(image(), torch.eye(3))

    for task in TASKS:
        for level, same in zip(after[task], before[task], strict=True):
            assert torch.allclose(level, same) == (task != "depth")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("kind", KINDS)
def test_folded_it_says_the_same(kind: object, family: type[StagedBackbone]) -> None:
    network = moved(encoder(kind, family)).eval()
    expected = network(image(), torch.eye(3))

    network.fold()

    assert not any(isinstance(module, VMTAdapter) for module in network.modules())
    folded = [each for each in network.modules() if isinstance(each, FoldedVMTAdapter)]
    layers = [layer for each in folded for layer in (each.down, each.up)]
    assert not any(each.requires_grad for layer in layers for each in layer.parameters())
    found = network(image(), torch.eye(3))
    for task in TASKS:
        for level, whole in zip(found[task], expected[task], strict=True):
            torch.testing.assert_close(level, whole, rtol=1e-10, atol=1e-10)


def test_kronecker_products_add_up_to_the_matrices() -> None:
    lite = VMTAdapterLite(12, TASKS, reduction=2, dimension=3)
    nn.init.normal_(lite.up_factors)

    down = sum(map(torch.kron, lite.shared, lite.down_factors))
    up = sum(map(torch.kron, lite.shared, lite.up_factors))

    torch.testing.assert_close(lite.down(), down.T)  # type: ignore[union-attr]
    torch.testing.assert_close(lite.up(), up.T)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "kind", [VMTAdapter, VMTAdapterLite, partial(VMTAdapterLite, dimension=12)]
)
def test_a_bottleneck_starts_as_wide_as_a_linear_layer_does(kind: type[VMTAdapter]) -> None:
    torch.manual_seed(0)

    down = kind(192, TASKS).down().detach()

    # Spread evenly up to 1/√d, or with its variance.
    assert down.std().item() == pytest.approx((3 * 192) ** -0.5, rel=0.25)
    assert down.mean().abs() < 0.1 * down.std()


def test_the_fork_captures_the_gradients_of_the_stages_outputs() -> None:
    network = moved(encoder()).train()
    pyramids = network(image(), torch.eye(3))
    weights = [[torch.randn_like(level) for level in pyramids[task]] for task in TASKS]

    sum(
        (level * weight).sum()
        for task, own in zip(TASKS, weights, strict=True)
        for level, weight in zip(pyramids[task], own, strict=True)
    ).backward()  # type: ignore[union-attr]

    gram = take_gram(network)
    assert gram is not None
    # Levels are stages' outputs in another layout, so the gradients there are the weights.
    flat = torch.stack([torch.cat([level.flatten(1) for level in own], 1) for own in weights])
    torch.testing.assert_close(gram.dots, torch.einsum("nbf,mbf->nm", flat, flat))


def test_levels_in_front_of_the_first_adapter_are_one_for_all_and_not_captured() -> None:
    network = moved(encoder(blocks=[(3, 1)])).train()

    pyramids = network(image(), torch.eye(3))
    sum(level.sum() for task in TASKS for level in pyramids[task][2:]).backward()  # type: ignore[union-attr]

    for level in (0, 1):
        assert all(pyramids[task][level] is pyramids[TASKS[0]][level] for task in TASKS)
        assert not pyramids[TASKS[0]][level].requires_grad
    gram = take_gram(network)
    assert gram is not None
    numbers = sum(pyramids["depth"][level][0].numel() for level in (2, 3))
    torch.testing.assert_close(gram.dots, torch.full_like(gram.dots, 2.0 * numbers))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("kind", KINDS)
def test_in_16_bits_levels_keep_what_the_stream_has(
    kind: object, family: type[StagedBackbone]
) -> None:
    network = encoder(kind, family).float()

    with torch.autocast("cpu", torch.bfloat16):
        # What adapters say is zero at the start, so nothing is left to round.
        pyramids = network(image().float(), torch.eye(3))
        expected = network.backbone(image().float())

    for task in TASKS:
        for level, whole in zip(pyramids[task], expected, strict=True):
            assert level.dtype == whole.dtype
            assert torch.equal(level, whole)


@pytest.mark.parametrize(
    ("kind", "count"),
    [  # 2d²/ρ + 3d + 2Td, and m³ + 2d²/(ρm) + d + 2Td, over the 12 blocks of Swin-T
        (partial(VMTAdapter, reduction=1), 4_361_664),
        (partial(VMTAdapter, reduction=2), 2_205_120),
        (VMTAdapter, 1_126_848),
        (partial(VMTAdapter, reduction=8), 587_712),
        (VMTAdapterLite, 399_492),
        (partial(VMTAdapterLite, dimension=6), 222_048),
        (partial(VMTAdapterLite, dimension=12), 150_336),
    ],
)
def test_counts_of_tables_2_and_3(kind: object, count: int) -> None:
    with torch.device("meta"):  # shapes alone
        network = VMT(("a", "b", "c", "d"), Swin(weights=None), adapter=kind)  # type: ignore[arg-type]

    assert sum(each.numel() for each in network.parameters() if each.requires_grad) == count


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (partial(VMTAdapter, reduction=17), r"`reduction` must lie between 1 and the 16 channels"),
        (partial(VMTAdapter, gate=1.0), r"`gate` must lie between 0 and 1, found 1.0"),
        (VMTAdapterLite, r"`dimension` must divide the 16 .* and the 4 .* found 3: \[1, 2, 4\] do"),
    ],
)
def test_what_does_not_fit_is_refused(kind: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        encoder(kind)
