from collections.abc import Sequence
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from tests.fakes.backbones import FAMILIES, TinySwinV2, TinyViT, awake
from vtagml.adapters import FullBias, LiteralVisionAdapter, PerHeadBias
from vtagml.adapters.frozen_block import Attention
from vtagml.adapters.frozen_swin_block import FrozenSwinV2Block
from vtagml.backbone import StagedBackbone, SwinV2Nano
from vtagml.encoders import VTAGML

TASKS = ("segmentation", "depth", "normals")
SIZE = (96, 160)
"""Maps of 6 x 10 and 3 x 5 in stages three and four: no multiples of the windows of 4."""


def encoder(family: type[StagedBackbone] = TinySwinV2, **settings: object) -> VTAGML:
    return VTAGML(TASKS, awake(family()), embedding=8, **settings).double()  # type: ignore[arg-type]


def trained(network: VTAGML) -> VTAGML:
    """Moves every parameter that trains away from where it starts."""
    for parameter in network.parameters():
        if parameter.requires_grad:
            nn.init.normal_(parameter, std=0.3)
    return network


def image(batch: int = 2) -> Tensor:
    return torch.rand(batch, 3, *SIZE, dtype=torch.float64)


def omega() -> Tensor:
    return torch.softmax(torch.randn(3, 3), dim=1)


def total(pyramids: dict[str, list[Tensor]]) -> Tensor:
    """A loss that differs between the tasks."""
    return torch.stack(
        [
            (level * torch.randn_like(level)).sum()
            for pyramid in pyramids.values()
            for level in pyramid
        ]
    ).sum()


@pytest.mark.parametrize("blocks", [None, [(1, 2), (3, 1), (4, 2)]])
@pytest.mark.parametrize("family", FAMILIES)
def test_it_starts_as_the_frozen_backbone(
    family: type[StagedBackbone], blocks: list[tuple[int, int]] | None
) -> None:
    network, pixels = encoder(family, blocks=blocks), image()

    pyramids = network(pixels, omega())

    assert tuple(pyramids) == TASKS
    for pyramid in pyramids.values():
        for level, expected in zip(pyramid, network.backbone(pixels), strict=True):
            torch.testing.assert_close(level, expected, rtol=0, atol=1e-12)


def test_the_identity_is_tested_on_blocks_that_shift_and_do_something() -> None:
    network = encoder()
    shifts = [frozen.block.shift_size for frozen in network.frozen_blocks.values()]
    tokens = torch.randn(1, 6, 10, 64, dtype=torch.float64)
    block = network.frozen_blocks[network.places[0]].block

    assert shifts == [(0, 0), (2, 2), (0, 0), (2, 2)]
    assert (block(tokens) - tokens).abs().mean() > 0.1


@pytest.mark.parametrize("family", FAMILIES)
def test_train_and_eval_give_the_same(family: type[StagedBackbone]) -> None:
    backbone = awake(family(drop_path=0.9))
    network, pixels, affinity = VTAGML(TASKS, backbone), image(8).float(), omega()
    trained(network)

    training, evaluating = network.train()(pixels, affinity), network.eval()(pixels, affinity)

    for task in TASKS:
        for one, other in zip(training[task], evaluating[task], strict=True):
            assert torch.equal(one, other)


@pytest.mark.parametrize("family", FAMILIES)
def test_streams_differ_exactly_where_the_rows_of_omega_do(family: type[StagedBackbone]) -> None:
    network = trained(encoder(family))
    rows = omega()[[0, 1, 0]]

    pyramids = network(image(), rows)

    first, second, third = (pyramids[task][3] for task in TASKS)
    torch.testing.assert_close(first, third, rtol=0, atol=1e-12)
    assert not torch.allclose(first, second, atol=1e-2)


def test_permuting_rows_permutes_streams() -> None:
    network, pixels, affinity = trained(encoder()), image(), omega()
    order = [2, 0, 1]

    plain, permuted = network(pixels, affinity), network(pixels, affinity[order])

    for row, source in enumerate(order):
        for one, other in zip(permuted[TASKS[row]], plain[TASKS[source]], strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


def test_images_of_a_batch_do_not_see_each_other() -> None:
    network, pixels, affinity = trained(encoder()), image(), omega()

    both, alone = network(pixels, affinity), network(pixels[1:], affinity)

    torch.testing.assert_close(both["depth"][3][1:], alone["depth"][3], rtol=0, atol=1e-10)


def test_a_task_that_was_not_trained_runs_by_its_row() -> None:
    network, pixels, affinity = trained(encoder()), image(), omega()
    fourth = torch.tensor([[0.2, 0.3, 0.5]])

    pyramids = network.encode(pixels, torch.cat([affinity, fourth]), [*TASKS, "edges"])
    alone = network.encode(pixels, fourth, ["edges"])

    trained_ones = network(pixels, affinity)
    for task in TASKS:
        torch.testing.assert_close(pyramids[task], trained_ones[task], rtol=0, atol=1e-12)
    torch.testing.assert_close(pyramids["edges"], alone["edges"], rtol=0, atol=1e-12)
    assert not torch.allclose(pyramids["edges"][3], pyramids["depth"][3], atol=1e-2)


def test_by_default_the_last_four_blocks_of_the_third_stage_and_the_fourth_s_are_adapted() -> None:
    # Depths 2, 2, 6, 2.
    network = VTAGML(["depth", "edges"], SwinV2Nano(weights=None))
    assert list(network.adapters) == [
        *(f"stage3_block{block}" for block in (3, 4, 5, 6)),
        *(f"stage4_block{block}" for block in (1, 2)),
    ]


def test_surplus_rows_point_to_encode() -> None:
    with pytest.raises(ValueError, match=r"`omega`.*3 tasks, found 4: `encode`"):
        encoder()(image(), torch.rand(4, 3))


@pytest.mark.parametrize("names", [["edges"], ["edges", "edges"]])
def test_rows_need_names(names: list[str]) -> None:
    with pytest.raises(ValueError, match=r"`names`.*for 2 rows"):
        encoder().encode(image(), torch.rand(2, 3), names)


@pytest.mark.parametrize("wiring", [None, LiteralVisionAdapter])
@pytest.mark.parametrize("family", FAMILIES)
def test_everything_that_trains_gets_a_gradient_and_nothing_else_moves(
    family: type[StagedBackbone], wiring: type[LiteralVisionAdapter] | None
) -> None:
    network = encoder(family) if wiring is None else encoder(family, adapter=wiring)
    network.train()
    before = {name: each.detach().clone() for name, each in network.backbone.named_parameters()}
    adapted = {n: each for n, each in network.named_parameters() if not n.startswith("backbone.")}
    optimizer = torch.optim.SGD(adapted.values(), 1e-3)

    # What starts at zero passes its gradient on only once it has moved; γ's generator waits for
    # A, the gate of the skip for the bottleneck.
    for _ in range(3):
        optimizer.zero_grad()
        total(network(image(), torch.eye(3))).backward()
        optimizer.step()

    assert all(each.requires_grad for each in adapted.values())
    missing = [name for name, each in adapted.items() if each.grad is None or not each.grad.any()]
    assert missing == []
    for name, parameter in network.backbone.named_parameters():
        assert not parameter.requires_grad
        assert parameter.grad is None
        assert torch.equal(parameter, before[name])


def test_a_uniform_omega_gives_the_embeddings_a_gradient_too() -> None:
    network = trained(encoder())

    total(network(image(), torch.full((3, 3), 1 / 3))).backward()

    assert network.embedding.rows.grad is not None
    assert network.embedding.rows.grad.any()


def test_levels_before_the_fork_are_the_same_frozen_maps() -> None:
    pyramids = trained(encoder()).train()(image(), omega())

    for level in (0, 1):
        assert pyramids["depth"][level] is pyramids["normals"][level]
        assert pyramids["depth"][level].grad_fn is None
    for level in (2, 3):
        assert pyramids["depth"][level].requires_grad
        assert not torch.allclose(pyramids["depth"][level], pyramids["normals"][level], atol=1e-2)


def test_the_skip_crosses_the_stage_boundary_by_the_patch_merging() -> None:
    network = trained(encoder())
    seen: dict[str, tuple[Tensor, ...]] = {}
    for name, adapter in network.adapters.items():
        adapter.register_forward_hook(
            lambda _, inputs, outputs, name=name: seen.update({name: (inputs[3], outputs[1])})
        )

    network(image(), omega())

    assert seen["stage3_block1"][0] is None
    assert seen["stage3_block2"][0] is seen["stage3_block1"][1]
    sent = seen["stage3_block2"][1]
    merged = network.backbone.stages[3].downsample(sent.flatten(0, 1)).unflatten(0, (3, 2))
    torch.testing.assert_close(seen["stage4_block1"][0], merged, rtol=0, atol=1e-12)


@pytest.mark.parametrize("family", [TinySwinV2, TinyViT])
def test_the_fork_captures_each_task_s_gradient(family: type[StagedBackbone]) -> None:
    network, pixels, affinity = trained(encoder(family)).train(), image(), omega()
    weights = torch.tensor([0.7, 2.0, 0.05], dtype=torch.float64)
    leaves: list[Tensor] = []

    def losses(pyramids: dict[str, list[Tensor]]) -> Tensor:
        torch.manual_seed(1)
        return torch.stack([total({task: pyramids[task]}) for task in TASKS])

    def leaf(shared: Sequence[Tensor]) -> list[Tensor]:
        leaves.extend(tokens.clone().requires_grad_() for tokens in shared)
        return [each.expand(3, *each.shape) for each in leaves]

    (weights * losses(network(pixels, affinity))).sum().backward()
    gram = network.fork.take()
    separate = losses(network.pyramids(pixels, network.embedding(affinity), TASKS, leaf))
    gradients = torch.stack(
        [torch.autograd.grad(loss, leaves[0], retain_graph=True)[0].flatten() for loss in separate]
    )

    assert gram is not None
    directions = gradients / gradients.norm(dim=1, keepdim=True)
    torch.testing.assert_close(gram.cosines(), directions @ directions.T, rtol=0, atol=1e-10)


def test_attention_runs_once_where_the_tasks_still_share_their_input(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network, batches = encoder(), []
    attention = FrozenSwinV2Block.products

    def counted(block: FrozenSwinV2Block, tokens: Tensor) -> Attention:
        batches.append(len(tokens))
        return attention(block, tokens)

    monkeypatch.setattr(FrozenSwinV2Block, "products", counted)
    network(image(2), omega())

    # Two images; of three tasks each behind the first adapter.
    assert batches == [2, 6, 6, 6]


def test_variants_are_chosen_by_class() -> None:
    for bias in (FullBias, PerHeadBias):
        network = encoder(adapter=partial(LiteralVisionAdapter, bias=bias, reduction=4))
        assert all(isinstance(each.attention.bias, bias) for each in network.adapters.values())
        pyramids = network(image(), omega())
        assert not torch.allclose(pyramids["depth"][3], network.backbone(image())[3], atol=1e-2)


def test_the_state_dict_names_every_weight_once() -> None:
    network = encoder()
    state = network.state_dict()

    assert len({each.data_ptr() for each in state.values() if each.numel()}) == len(state)
    assert {name.split(".")[0] for name in state} == {"backbone", "embedding", "adapters"}
    assert any(name.startswith("adapters.stage4_block2.gate") for name in state)
