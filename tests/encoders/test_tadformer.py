"""TADFormer: what it computes, what of it trains, what folds."""

import pytest
import torch
from torch import Tensor, nn

from tests.fakes.backbones import FAMILIES, TinySwin, TinySwinV2, TinyViT, awake
from vtagml.affinity import take_gram
from vtagml.backbone import StagedBackbone, Swin
from vtagml.encoders import Shared, TADFormer
from vtagml.encoders.tadformer import TaskPass
from vtagml.tuning import LoRAEverywhere

TASKS = ("segmentation", "depth", "normals")
SIZE = (64, 96)


def encoder(family: type[StagedBackbone] = TinySwinV2, checkpointing: bool = False) -> TADFormer:
    torch.manual_seed(0)
    backbone = awake(family(SIZE))
    return TADFormer(TASKS, backbone, LoRAEverywhere(4, 8.0), checkpointing).double()


def moved(network: TADFormer) -> TADFormer:
    torch.manual_seed(1)
    for parameter in network.parameters():
        if parameter.requires_grad:
            parameter.data += 0.3 * torch.randn_like(parameter)
    return network


def image() -> Tensor:
    return torch.rand(2, 3, *SIZE, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def passing(network: TADFormer, place: str) -> TaskPass:
    found = network.passes[place]
    assert isinstance(found, TaskPass)
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_it_starts_as_the_backbone(family: type[StagedBackbone]) -> None:
    torch.manual_seed(0)
    expected = awake(family(SIZE)).double().eval()(image())

    pyramids = encoder(family).eval()(image(), torch.eye(3))

    assert tuple(pyramids) == TASKS
    for pyramid in pyramids.values():
        for level, whole in zip(pyramid, expected, strict=True):
            torch.testing.assert_close(level, whole, rtol=0, atol=1e-12)


@pytest.mark.parametrize("family", FAMILIES)
def test_products_prompts_and_filters_train_and_nothing_else(family: type[StagedBackbone]) -> None:
    network = moved(encoder(family)).train()

    pyramids = network(image(), torch.eye(3))
    sum(level.square().mean() for each in pyramids.values() for level in each).backward()

    assert not network.backbone.training
    for key, parameter in network.named_parameters():
        own = key.startswith("passes.") or ".down." in key or ".up." in key
        assert (parameter.grad is not None) == parameter.requires_grad == own, key
        assert parameter.grad is None or parameter.grad.any(), key


@pytest.mark.parametrize("family", FAMILIES)
def test_without_what_is_a_task_s_it_is_the_shared_stream(family: type[StagedBackbone]) -> None:
    network = moved(encoder(family)).eval()
    torch.manual_seed(0)
    shared = Shared(TASKS, awake(family(SIZE)), LoRAEverywhere(4, 8.0)).double().eval()
    shared.backbone.load_state_dict(network.backbone.state_dict())
    for each in network.passes.values():
        assert isinstance(each, TaskPass)
        each.gate.data.zero_()
        each.prompts.prompts.rows.data.zero_()
        each.norm = nn.Identity()  # type: ignore[assignment]
        for filter in each.filters.values():
            filter.scale.data.zero_()  # type: ignore[union-attr, operator]
            filter.shift.data.zero_()  # type: ignore[union-attr, operator]

    found, expected = (each(image(), torch.eye(3))["depth"] for each in (network, shared))

    for level, whole in zip(found, expected, strict=True):
        torch.testing.assert_close(level, whole)


def test_a_prompt_moves_its_task_alone() -> None:
    network = moved(encoder()).eval()
    before = network(image(), torch.eye(3))

    passing(network, "stage2_block2").prompts.prompts.rows.data[1] += 1

    after = network(image(), torch.eye(3))
    for task in TASKS:
        for index, (level, same) in enumerate(zip(after[task], before[task], strict=True)):
            # The stream goes on without it.
            assert torch.equal(level, same) == (task != "depth" or index != 1)


def test_the_gate_adds_the_weighed_features() -> None:
    network = moved(encoder(TinySwin)).eval()
    last = passing(network, "stage4_block2")
    weighed: list[Tensor] = []
    last.prompts.register_forward_hook(lambda *given: weighed.append(given[-1]))

    levels = []
    for gate in (0.0, 0.5):
        last.gate.data.fill_(gate)
        levels.append(network(image(), torch.eye(3))["normals"][3])

    torch.testing.assert_close(levels[1] - levels[0], 0.5 * weighed[0][2].permute(0, 3, 1, 2))


def test_filters_leave_tokens_without_a_place_in_the_image() -> None:
    network = encoder(TinyViT)
    block = network.blocks[network.last[0]].for_image(SIZE)
    tokens = torch.randn(2, 1 + 4 * 6, 5)

    found = block.over_grid(lambda map: map.flip(-1), tokens)

    assert torch.equal(found[:, 0], tokens[:, 0])
    grid = tokens[:, 1:].unflatten(1, (4, 6))
    assert torch.equal(found[:, 1:], grid.flip(2).flatten(1, 2))


@pytest.mark.parametrize("family", FAMILIES)
def test_folded_it_says_the_same(family: type[StagedBackbone]) -> None:
    network = moved(encoder(family)).eval()
    expected = network(image(), torch.eye(3))

    network.fold()

    kept = {key for key in network.backbone.state_dict() if ".up." in key}
    assert len(kept) == 4 * 3  # beside the filtered layers of the last blocks
    found = network(image(), torch.eye(3))
    for task in TASKS:
        for level, whole in zip(found[task], expected[task], strict=True):
            torch.testing.assert_close(level, whole, rtol=1e-10, atol=1e-10)
    with pytest.raises(ValueError, match="filters cannot be merged"):
        network.merge()


def test_the_fork_captures_every_task_apart() -> None:
    network = moved(encoder()).train()
    for place in network.last:
        rows = passing(network, str(place)).prompts.prompts.rows
        rows.data[1] = rows.data[0]
    pyramids = network(image(), torch.eye(3))
    # Alike but for the sign and size of what they minimise.
    pairs = zip(pyramids["segmentation"], pyramids["depth"], strict=True)
    sum((one - 2 * other).sum() for one, other in pairs).backward()  # type: ignore[union-attr]

    gram = take_gram(network)
    assert gram is not None
    expected = torch.tensor([[1.0, -2], [-2, 4]], dtype=torch.float64)
    torch.testing.assert_close(gram.dots[:2, :2] / gram.dots[0, 0], expected)


def test_counts_on_swin_t() -> None:
    tasks = ("segmentation", "parts", "saliency", "normals")
    with torch.device("meta"):  # shapes alone
        network = TADFormer(tasks, Swin(weights=None), LoRAEverywhere(64))
    trained = {
        key: sum(each.numel() for each in part.parameters() if each.requires_grad)
        for key, part in (("stream", network.backbone), ("tasks", network.passes))
    }

    # 16d per rank over 12 blocks, Σd = 4416; in the last blocks (Σd = 1440) a prompt per task, a
    # norm, three filters and a gate. With 387,456 for prompts that go from stage to stage, norms,
    # position biases, the patch embedding and 1.94 M of decoders it is the printed 7.38 M.
    filters = 4 * 3 * (9 * 64**2 + 27 * 64)
    assert trained == {"stream": 64 * 16 * 4416, "tasks": 4 * 1440 + 2 * 1440 + filters + 4}
