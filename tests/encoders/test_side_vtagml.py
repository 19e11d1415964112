"""VTAGML beside its backbone: where it starts, what trains, what tasks have apart."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn

from tests.fakes.backbones import FAMILIES, TinySwinV2, TinyViT, awake
from vtagml.adapters import FrozenBlock, SideBlock
from vtagml.adapters.frozen_block import Observed
from vtagml.backbone import StagedBackbone, SwinV2Nano
from vtagml.encoders import SideVTAGML

TASKS = ("segmentation", "depth", "normals")
BLOCKS = [(1, 2), (3, 1), (3, 2), (4, 2)]
"""Two stages in between are crossed, one of them without a place."""
SIZE = (96, 160)
"""Maps of 6 x 10 and 3 x 5 in stages three and four: no multiples of the windows of 4."""


def encoder(family: type[StagedBackbone] = TinySwinV2, **settings: object) -> SideVTAGML:
    torch.manual_seed(0)
    options = {"blocks": BLOCKS, "narrowing": 2, "embedding": 8} | settings
    return SideVTAGML(TASKS, awake(family()), **options).double()  # type: ignore[arg-type]


def moved(network: SideVTAGML) -> SideVTAGML:
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
    levels = [level for pyramid in pyramids.values() for level in pyramid]
    return torch.stack([(level * torch.randn_like(level)).sum() for level in levels]).sum()


@pytest.mark.parametrize("blocks", [None, BLOCKS])
@pytest.mark.parametrize("family", FAMILIES)
def test_it_starts_as_the_frozen_backbone(
    family: type[StagedBackbone], blocks: list[tuple[int, int]] | None
) -> None:
    network, pixels = encoder(family, blocks=blocks).train(), image()

    pyramids = network(pixels, omega())

    assert tuple(pyramids) == TASKS
    for pyramid in pyramids.values():
        for level, expected in zip(pyramid, network.backbone(pixels), strict=True):
            torch.testing.assert_close(level, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("family", FAMILIES)
def test_everything_that_trains_moves_and_nothing_else(family: type[StagedBackbone]) -> None:
    network = encoder(family).train()
    before = {name: each.detach().clone() for name, each in network.named_parameters()}
    trained = [each for each in network.parameters() if each.requires_grad]
    optimizer = torch.optim.SGD(trained, 1e-3)

    # What starts at zero passes its gradient on only once it has moved.
    for _ in range(4):
        optimizer.zero_grad()
        total(network(image(), torch.eye(3))).backward()
        optimizer.step()

    for name, parameter in network.named_parameters():
        frozen = name.startswith("backbone.")
        assert parameter.requires_grad != frozen
        assert torch.equal(parameter, before[name]) == frozen, name
        assert (parameter.grad is None) == frozen, name


@pytest.mark.parametrize("family", FAMILIES)
def test_frozen_blocks_run_once_for_all_tasks_and_leave_no_graph(
    family: type[StagedBackbone], monkeypatch: pytest.MonkeyPatch
) -> None:
    network, seen = moved(encoder(family)).train(), []
    observed = FrozenBlock.observed

    def counted(block: FrozenBlock, tokens: Tensor) -> Observed:
        said = observed(block, tokens)
        seen.append((len(tokens), any(each.requires_grad for each in said)))
        return said

    monkeypatch.setattr(FrozenBlock, "observed", counted)
    network(image(2).requires_grad_(), omega())

    assert seen == [(2, False)] * len(BLOCKS)


@pytest.mark.parametrize("family", FAMILIES)
def test_streams_differ_exactly_where_the_rows_of_omega_do(family: type[StagedBackbone]) -> None:
    network = moved(encoder(family))

    pyramids = network(image(), omega()[[0, 1, 0]])

    first, second, third = (pyramids[task][3] for task in TASKS)
    torch.testing.assert_close(first, third, rtol=0, atol=1e-12)
    assert not torch.allclose(first, second, atol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_task_s_loss_touches_no_other_stream(family: type[StagedBackbone]) -> None:
    network = moved(encoder(family)).train()
    forked: list[Tensor] = []

    def part(shared: Sequence[Tensor]) -> list[Tensor]:
        streams = [each.expand(3, *each.shape).clone() for each in shared]
        forked.extend(each.detach().requires_grad_() for each in streams)
        return forked

    pyramids = network.pyramids(image(), network.embedding(omega()), TASKS, part)
    total({"depth": pyramids["depth"]}).backward()

    assert len(forked) == 2 * len(network.adapters)  # levels and bottlenecks
    for streams in forked:
        assert streams.grad is not None
        assert streams.grad[1].any()
        assert not streams.grad[[0, 2]].any()


@pytest.mark.parametrize("family", FAMILIES)
def test_the_fork_captures_each_task_s_gradient(family: type[StagedBackbone]) -> None:
    network, pixels, affinity = moved(encoder(family)).train(), image(), omega()
    weights = torch.tensor([0.7, 2.0, 0.05], dtype=torch.float64)
    leaves: list[Tensor] = []

    def losses(pyramids: dict[str, list[Tensor]]) -> Tensor:
        torch.manual_seed(1)
        return torch.stack([total({task: pyramids[task]}) for task in TASKS])

    def leaf(shared: Sequence[Tensor]) -> list[Tensor]:
        leaves.extend(each.detach().requires_grad_() for each in shared)
        return [each.expand(3, *each.shape) for each in leaves]

    (weights * losses(network(pixels, affinity))).sum().backward()
    gram = network.fork.take()
    separate = losses(network.pyramids(pixels, network.embedding(affinity), TASKS, leaf))
    gradients = torch.stack(
        [
            torch.cat([g.flatten() for g in torch.autograd.grad(loss, leaves, retain_graph=True)])
            for loss in separate
        ]
    )

    assert gram is not None
    directions = gradients / gradients.norm(dim=1, keepdim=True)
    torch.testing.assert_close(gram.cosines(), directions @ directions.T, rtol=0, atol=1e-10)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_task_that_was_not_trained_runs_by_its_row(family: type[StagedBackbone]) -> None:
    network, pixels, affinity = moved(encoder(family)), image(), omega()
    fourth = torch.tensor([[0.2, 0.3, 0.5]])

    pyramids = network.encode(pixels, torch.cat([affinity, fourth]), [*TASKS, "edges"])

    known = network(pixels, affinity)
    for task in TASKS:
        torch.testing.assert_close(pyramids[task], known[task], rtol=0, atol=1e-12)
    assert not torch.allclose(pyramids["edges"][3], pyramids["depth"][3], atol=1e-6)


def test_levels_without_a_place_are_the_frozen_ones_for_all() -> None:
    network = moved(encoder()).train()
    pixels = image()

    pyramids = network(pixels, omega())

    frozen = network.backbone(pixels)
    assert all(pyramids[task][1] is pyramids["depth"][1] for task in TASKS)
    torch.testing.assert_close(pyramids["depth"][1], frozen[1], rtol=0, atol=1e-12)
    for level in (0, 2, 3):
        assert not torch.allclose(pyramids["depth"][level], frozen[level], atol=1e-6)


def test_a_stage_s_stream_reads_the_stages_before() -> None:
    network = moved(encoder())
    pixels, affinity = image(), omega()
    before = network(pixels, affinity)["depth"]

    first = network.side_blocks["stage1_block2"]
    assert isinstance(first, SideBlock)
    nn.init.normal_(first.output_reading.projection.weight)
    after = network(pixels, affinity)["depth"]

    for level in (0, 2, 3):
        assert not torch.allclose(after[level], before[level], atol=1e-6)


def test_on_a_vit_the_summary_is_each_stream_s_own() -> None:
    network = moved(encoder(TinyViT))

    pyramids = network(image(), omega())

    assert not torch.allclose(pyramids["depth"][4], pyramids["normals"][4], atol=1e-6)


def test_images_of_a_batch_do_not_see_each_other() -> None:
    network, pixels, affinity = moved(encoder()), image(), omega()

    both, alone = network(pixels, affinity), network(pixels[1:], affinity)

    torch.testing.assert_close(both["depth"][3][1:], alone["depth"][3], rtol=0, atol=1e-10)


def test_by_default_adapters_stand_where_the_paper_s_do() -> None:
    network = SideVTAGML(["depth", "edges"], SwinV2Nano(weights=None))

    assert list(network.side_blocks) == [
        *(f"stage3_block{block}" for block in (3, 4, 5, 6)),
        *(f"stage4_block{block}" for block in (1, 2)),
    ]
    assert list(network.adapters) == ["stage3", "stage4"]


@pytest.mark.parametrize(
    ("setting", "value"), [("reduction", 0), ("reduction", 17), ("narrowing", 9)]
)
def test_widths_cannot_be_divided_away(setting: str, value: int) -> None:
    with pytest.raises(ValueError, match=rf"`{setting}`.*found {value}"):
        encoder(**{setting: value})


@pytest.mark.parametrize("family", FAMILIES)
def test_in_16_bits_it_says_nearly_the_same(family: type[StagedBackbone]) -> None:
    network, pixels, affinity = encoder(family).float(), image().float(), omega()
    for name, parameter in network.named_parameters():
        if parameter.requires_grad and name.endswith(("up.weight", "projection.weight")):
            nn.init.normal_(parameter, std=0.05)
    expected = network(pixels, affinity)

    with torch.autocast("cpu", torch.bfloat16):
        found = network(pixels, affinity)

    for task in TASKS:
        for one, other in zip(found[task], expected[task], strict=True):
            torch.testing.assert_close(one.float(), other, rtol=0.05, atol=0.2)
