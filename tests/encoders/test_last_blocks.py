"""A version of the last blocks for each task: what it computes, trains, stores and merges to."""

import pytest
import torch
from torch import Tensor, nn

from tests.fakes.backbones import FIRST_OF_FAMILIES, TinySwin, TinySwinV2, awake
from vtagml.affinity import take_gram
from vtagml.backbone import Place, StagedBackbone, Swin
from vtagml.encoders import LastBlocks
from vtagml.of_tasks import keys_of
from vtagml.tuning import (
    BitFit,
    BottleneckAdapter,
    Frozen,
    Full,
    LoRA,
    LoRAEverywhere,
    RelativeBias,
    SingularValues,
    Tuning,
)

# As many tasks as images of a batch, or as levels, would hide a mix-up of axes.
TASKS = ("segmentation", "depth", "normals")
SIZE = (64, 96)
MERGING = [(LoRAEverywhere(2), LoRAEverywhere(1)), (SingularValues(8), SingularValues(4))]
PAIRS: list[tuple[Tuning, Tuning | None]] = [
    *MERGING,
    (BitFit(), None),
    (Full(), None),
    (LoRA(2), BottleneckAdapter()),
    (BottleneckAdapter(), LoRA(2)),
    (Frozen(), SingularValues(4)),
]


def pair(value: object) -> str:
    if isinstance(value, tuple):
        return "-".join(type(each).__name__ for each in value if each is not None)
    return getattr(value, "__name__", "")


def encoder(
    tunings: tuple[Tuning, Tuning | None] = MERGING[0],
    family: type[StagedBackbone] = TinySwinV2,
    checkpointing: bool = False,
    seed: int = 0,
) -> LastBlocks:
    torch.manual_seed(seed)
    return LastBlocks(TASKS, awake(family(SIZE)), *tunings, checkpointing).double()


def moved(network: LastBlocks) -> LastBlocks:
    torch.manual_seed(1)
    for parameter in network.parameters():
        if parameter.requires_grad:
            parameter.data += 0.3 * torch.randn_like(parameter)
    return network


def image() -> Tensor:
    return torch.rand(2, 3, *SIZE, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def version(network: LastBlocks, task: str) -> StagedBackbone:
    found = network.backbones[task]
    assert isinstance(found, StagedBackbone)
    return found


@pytest.mark.parametrize("family", FIRST_OF_FAMILIES, ids=pair)
@pytest.mark.parametrize("tunings", PAIRS, ids=pair)
def test_it_starts_as_the_backbone(
    tunings: tuple[Tuning, Tuning | None], family: type[StagedBackbone]
) -> None:
    torch.manual_seed(0)
    expected = awake(family(SIZE)).double().eval()(image())

    pyramids = encoder(tunings, family).eval()(image(), torch.eye(3))

    assert tuple(pyramids) == TASKS
    for pyramid in pyramids.values():
        for level, whole in zip(pyramid, expected, strict=True):
            torch.testing.assert_close(level, whole, rtol=0, atol=1e-12)


@pytest.mark.parametrize("family", FIRST_OF_FAMILIES, ids=pair)
@pytest.mark.parametrize("tunings", PAIRS, ids=pair)
def test_what_trains_has_a_gradient_and_nothing_else_changes(
    tunings: tuple[Tuning, Tuning | None], family: type[StagedBackbone]
) -> None:
    network = moved(encoder(tunings, family)).train()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    trained = {key for key, each in network.named_parameters() if each.requires_grad}
    optimizer = torch.optim.SGD(network.parameters(), 0.1)

    pyramids = network(image(), torch.eye(3))
    sum(level.square().mean() for each in pyramids.values() for level in each).backward()
    optimizer.step()

    for key, parameter in network.named_parameters():
        # Also that none is without a gradient, which DistributedDataParallel refuses.
        assert (parameter.grad is not None) == parameter.requires_grad, key
    changed = {key for key, value in network.state_dict().items() if (value != before[key]).any()}
    assert changed <= trained
    assert len(changed) > 0.8 * len(trained)


@pytest.mark.parametrize("tunings", PAIRS, ids=pair)
def test_a_task_s_own_are_the_last_blocks_and_move_no_other_task(
    tunings: tuple[Tuning, Tuning | None],
) -> None:
    network = encoder(tunings, TinySwin).eval()
    before = network(image(), torch.eye(3))
    own = {
        id(each)
        for place in network.last
        for each in version(network, "depth").standing_at(place).parameters()
    }

    for parameter in version(network, "depth").parameters():
        if parameter.requires_grad:
            assert id(parameter) in own
            parameter.data += 0.3 * torch.randn_like(parameter)

    after = network(image(), torch.eye(3))
    for task in TASKS:
        for level, same in zip(after[task], before[task], strict=True):
            assert torch.equal(level, same) == (task != "depth")


def test_a_level_is_the_task_s_version_of_the_block_on_what_enters_the_stream_s() -> None:
    network = moved(encoder(family=TinySwin)).eval()
    entering: dict[Place, Tensor] = {}

    def visit(place: Place, layer: nn.Module, tokens: Tensor) -> Tensor:
        entering[place] = tokens
        return network.backbone.pass_through(place, layer, tokens)

    list(network.backbone.walk(image(), visit))
    pyramids = network(image(), torch.eye(3))

    for task in TASKS:
        for place, level in zip(network.last, pyramids[task], strict=True):
            block = version(network, task).block(place)
            torch.testing.assert_close(level, block(entering[place]).permute(0, 3, 1, 2))


def test_the_stream_passes_no_block_whose_output_nobody_reads() -> None:
    network = encoder()
    passed: list[Place] = []
    for place in network.last:
        network.backbone.block(place).register_forward_hook(
            lambda *given, place=place: passed.append(place)
        )

    network(image(), torch.eye(3))

    assert passed == network.last[:3]


@pytest.mark.parametrize("tunings", [MERGING[0], (LoRA(2), BottleneckAdapter())], ids=pair)
def test_what_is_frozen_is_stored_once(tunings: tuple[Tuning, Tuning | None]) -> None:
    network = encoder(tunings)
    trained = sum(each.numel() for each in network.parameters() if each.requires_grad)
    frozen = sum(each.numel() for each in TinySwinV2(SIZE).parameters())

    assert sum(each.numel() for each in network.parameters()) == frozen + trained
    memory = {each.data_ptr() for each in network.parameters() if each.numel()}
    assert len(memory) == len(list(network.parameters()))


def test_biases_that_the_stream_trains_are_no_task_s() -> None:
    network = moved(encoder((BitFit(), LoRA(2)), TinySwin))

    stream = {id(each) for each in network.backbone.parameters() if each.requires_grad}
    for task in TASKS:
        assert not stream & {id(each) for each in version(network, task).parameters()}
        for key, parameter in version(network, task).named_parameters():
            assert parameter.requires_grad == (".down." in key or ".up." in key)


def test_keys_of_a_task_are_its_version_s() -> None:
    network = encoder()
    trained = {key for key, each in network.named_parameters() if each.requires_grad}

    for task in TASKS:
        keys = {key for key in keys_of(network, task) & trained if ".up." in key}
        assert len(keys) == 4 * 4  # layers of four blocks
        assert all(key.startswith(f"backbones.{task}.") for key in keys)


@pytest.mark.parametrize("family", FIRST_OF_FAMILIES, ids=pair)
@pytest.mark.parametrize("tunings", MERGING, ids=pair)
@pytest.mark.parametrize("way", ["merge", "fold"])
def test_merged_stream_and_versions_have_timm_s_keys_and_the_same_output(
    way: str, tunings: tuple[Tuning, Tuning], family: type[StagedBackbone]
) -> None:
    network = moved(encoder(tunings, family)).eval()
    expected = network(image(), torch.eye(3))

    getattr(network, way)()

    keys = set(family(SIZE).state_dict())
    for backbone in (network.backbone, *network.backbones.values()):
        assert set(backbone.state_dict()) == keys
    found = network(image(), torch.eye(3))
    for task in TASKS:
        for level, whole in zip(found[task], expected[task], strict=True):
            torch.testing.assert_close(level, whole, rtol=1e-10, atol=1e-10)
    assert not torch.allclose(found["depth"][3], found["normals"][3], atol=1e-3)


def test_folded_is_what_can_be_and_merging_the_rest_says_why_not() -> None:
    network = moved(encoder((LoRA(2), BottleneckAdapter()))).eval()
    expected = network(image(), torch.eye(3))

    network.fold()

    assert set(network.backbone.state_dict()) == set(TinySwinV2(SIZE).state_dict())
    found = network(image(), torch.eye(3))
    torch.testing.assert_close(found["depth"][3], expected["depth"][3])
    with pytest.raises(ValueError, match="non-linearity cannot be merged"):
        network.merge()


def test_the_fork_captures_the_gradients_of_what_enters_the_last_blocks() -> None:
    network = moved(encoder(family=TinySwin)).train()
    pyramids = network(image(), torch.eye(3))
    weights = [[torch.randn_like(level) for level in pyramids[task]] for task in TASKS]
    sum(
        (level * weight).sum()
        for task, own in zip(TASKS, weights, strict=True)
        for level, weight in zip(pyramids[task], own, strict=True)
    ).backward()  # type: ignore[union-attr]

    entering: list[Tensor] = []
    for place in network.last:
        network.backbone.block(place).register_forward_pre_hook(
            lambda module, inputs: entering.append(inputs[0].detach())
        )
    network.backbone(image())
    gradients = []
    for task, own in zip(TASKS, weights, strict=True):
        of_levels = []
        for place, tokens, weight in zip(network.last, entering, own, strict=True):
            leaf = tokens.clone().requires_grad_()
            level = version(network, task).block(place)(leaf).permute(0, 3, 1, 2)
            of_levels.append(torch.autograd.grad((level * weight).sum(), leaf)[0].flatten(1))
        gradients.append(torch.cat(of_levels, 1))
    flat = torch.stack(gradients)
    gram = take_gram(network)
    assert gram is not None
    torch.testing.assert_close(gram.dots, torch.einsum("nbf,mbf->nm", flat, flat))


def test_versions_follow_the_backbone_to_another_size() -> None:
    network = moved(encoder()).eval()
    expected = network(image(), torch.eye(3))["depth"]

    for backbone in (network.backbone, *network.backbones.values()):
        backbone.resize((32, 32))  # type: ignore[operator]
        backbone.resize(SIZE)  # type: ignore[operator]

    for level, same in zip(network(image(), torch.eye(3))["depth"], expected, strict=True):
        torch.testing.assert_close(level, same)


def test_a_saved_network_is_the_same_when_loaded() -> None:
    # On other frozen weights, whose factors the checkpoint does not have.
    one, other = (moved(encoder(MERGING[1], seed=seed)) for seed in (0, 1))

    other.load_state_dict(one.state_dict())

    first, second = (network.eval()(image(), torch.eye(3))["depth"] for network in (one, other))
    for level, same in zip(first, second, strict=True):
        torch.testing.assert_close(level, same)


def trained(network: nn.Module) -> int:
    return sum(each.numel() for each in network.parameters() if each.requires_grad)


@pytest.mark.parametrize(
    ("tuning", "own", "stream", "task"),
    [
        # 16d per rank over the 11 blocks that the stream passes, Σd = 3648; and in the last of each
        # stage, Σd = 1440. With queries, keys and values left out of the latter and the block that
        # nobody reads put in, MTLoRA's 4,521,984 + 4·69,120, printed as a part of 8.34 M.
        (LoRAEverywhere(64), LoRAEverywhere(4), 64 * 16 * 3648, 4 * 16 * 1440),
        # As many as pieces for each of four matrices; 1.61 M printed, the rest in its note.
        pytest.param(
            *(SingularValues(64), SingularValues(4), 11 * 4 * 64, 4 * 4 * 4),
            marks=pytest.mark.slow,  # Swin-T's matrices are decomposed
        ),
    ],
    ids=pair,
)
def test_counts_on_swin_t(tuning: Tuning, own: Tuning, stream: int, task: int) -> None:
    tasks = ("segmentation", "parts", "saliency", "normals")
    network = LastBlocks(tasks, Swin(weights=None), tuning, own)

    assert trained(network.backbone) == stream
    assert trained(network.backbones["parts"]) == task
    assert trained(network) == stream + 4 * task


def test_relative_bias_of_a_task_is_that_of_its_last_blocks() -> None:
    network = encoder((RelativeBias(), None), TinySwin)

    for backbone, count in ((network.backbone, 7), (version(network, "depth"), 4)):
        assert sum(each.requires_grad for each in backbone.parameters()) == count
