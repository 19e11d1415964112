"""TaskPrompter: against a walk written out with timm's own blocks, and what it refuses."""

import pytest
import torch
from torch import Tensor, nn

from tests.fakes.backbones import TinySwinV2, TinyViT, awake
from vtagml.adapters import Windows
from vtagml.affinity import TROA, forks
from vtagml.decoders import ConvDecoder, PerTask
from vtagml.encoders import TaskPrompter
from vtagml.network import MultitaskNetwork
from vtagml.tuning import BottleneckAdapter, Full, LoRAEverywhere, Tuning

TASKS = ("segmentation", "depth", "normals")
SIZE = (64, 96)
GRID = (4, 6)


def encoder(tuning: Tuning | None = None, checkpointing: bool = False) -> TaskPrompter:
    torch.manual_seed(0)
    backbone = awake(TinyViT(SIZE))
    return TaskPrompter(
        TASKS, backbone, tuning or Full(), width=16, checkpointing=checkpointing
    ).double()


def image() -> Tensor:
    return torch.rand(2, 3, *SIZE, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def total(pyramids: dict[str, list[Tensor]]) -> Tensor:
    return sum((level.square().mean() for each in pyramids.values() for level in each), Tensor([0]))


@torch.no_grad()
def written_out(network: TaskPrompter) -> dict[str, list[Tensor]]:
    """The same levels, one image, head, window and task at a time."""
    model, tasks = network.backbone.model, len(TASKS)
    heads = model.blocks[0].attn.num_heads
    tokens = network.backbone.stem(network.backbone.normalize(image()))
    prompts = network.prompts.rows.expand(2, -1, -1)
    tokens = torch.cat([tokens, prompts], dim=1)
    names = [f"stage{stage}_block{block}" for stage in (1, 2, 3, 4) for block in (1, 2)]
    levels: dict[str, list[Tensor]] = {task: [] for task in TASKS}
    for number, (name, block) in enumerate(zip(names, model.blocks, strict=True)):
        normed = block.norm1(tokens)
        query, key, _ = block.attn.qkv(normed).unflatten(-1, (3, heads, -1)).unbind(2)
        weights = network.weigh[name](normed[:, -tasks:])
        tokens = tokens + block.attn(normed)
        if name in network.gather:
            tokens[:, -tasks:] += network.gather[name](weights)
        tokens = tokens + block.mlp(block.norm2(tokens))
        if number % 2 == 0:
            continue
        read = model.norm(tokens) if number == 7 else tokens
        patches = read[:, 1:-tasks]  # behind the class token
        for row, task in enumerate(TASKS):
            maps = []
            for picture in range(2):
                spatial, channel = patches[picture].clone(), patches[picture].clone()
                for head in range(heads):
                    own = slice(head * 16, (head + 1) * 16)
                    fit = key[picture, 1:-tasks, head] @ query[picture, 1 + 24 + row, head]
                    spatial[:, own] *= 1 + fit[:, None]
                for rows in ((0, 1), (2, 3)):
                    for columns in ((0, 1, 2), (3, 4, 5)):
                        window = [6 * one + other for one in rows for other in columns]
                        found = weights[picture, row, window] @ patches[picture, window]
                        channel[window] *= 1 + found
                both = torch.cat([spatial, channel], dim=1)
                maps.append(both.T.unflatten(1, GRID))
            made = network.maps[name][task](torch.stack(maps))  # type: ignore[index]
            stride = (4, 8, 16, 32)[number // 2]
            target = (SIZE[0] // stride, SIZE[1] // stride)
            levels[task].append(
                nn.functional.interpolate(made, target, mode="bilinear", antialias=target < GRID)
            )
    return levels


def test_levels_are_those_of_the_walk_written_out() -> None:
    network = encoder().eval()

    pyramids = network(image(), torch.eye(3))

    expected = written_out(network)
    assert tuple(pyramids) == TASKS
    for task in TASKS:
        for level, whole in zip(pyramids[task], expected[task], strict=True):
            torch.testing.assert_close(level, whole, rtol=1e-10, atol=1e-10)


TUNED: dict[str, tuple[Tuning, tuple[str, ...]]] = {
    "products": (LoRAEverywhere(2), (".down.", ".up.")),
    "behind blocks": (BottleneckAdapter(), (".behind.",)),
}


@pytest.mark.parametrize(("tuning", "new"), TUNED.values(), ids=TUNED)
def test_all_that_trains_has_a_gradient_and_the_backbone_only_what_is_tuned(
    tuning: Tuning, new: tuple[str, ...]
) -> None:
    network = encoder(tuning).train()

    total(network(image(), torch.eye(3))).backward()

    for key, parameter in network.named_parameters():
        own = not key.startswith("backbone.") or any(part in key for part in new)
        assert parameter.requires_grad == own, key
        assert (parameter.grad is not None) == own, key


def test_in_16_bits_it_trains_on_a_cpu() -> None:
    network = encoder().float()
    with torch.autocast("cpu", torch.bfloat16):
        levels = network(image().float(), torch.eye(len(TASKS)))["depth"]
    assert levels[-1].dtype == torch.bfloat16
    sum((level.float().mean() for level in levels), Tensor([0])).backward()


def test_merged_it_computes_the_same() -> None:
    network = encoder(LoRAEverywhere(2)).eval()
    for key, parameter in network.named_parameters():
        if ".up." in key:
            nn.init.normal_(parameter, std=0.1)
    expected = network(image(), torch.eye(3))
    network.fold()
    assert not any(".up." in key for key, _ in network.named_parameters())
    for task, pyramid in network(image(), torch.eye(3)).items():
        for level, whole in zip(pyramid, expected[task], strict=True):
            torch.testing.assert_close(level, whole, rtol=1e-10, atol=1e-10)


def test_streams_mix_so_no_affinity_learns() -> None:
    assert not forks(encoder())
    with pytest.raises(ValueError, match="the streams of TaskPrompter mix"):
        MultitaskNetwork(
            dict.fromkeys(TASKS, 1),
            lambda tasks: TaskPrompter(tasks, TinyViT(SIZE), width=16),
            lambda outputs, channels: PerTask(outputs, channels, ConvDecoder),
            TROA,
        )


def test_what_has_no_place_for_prompts_is_refused() -> None:
    with pytest.raises(ValueError, match="`backbone` must be a ViT, found TinySwinV2"):
        TaskPrompter(TASKS, TinySwinV2(SIZE))
    with pytest.raises(ValueError, match=r"images of one size, \(64, 96\), found \(64, 64\)"):
        encoder()(torch.rand(1, 3, 64, 64, dtype=torch.float64), torch.eye(3))
    with pytest.raises(ValueError, match="`width` must be divisible by 8, found 12"):
        TaskPrompter(TASKS, TinyViT(SIZE), width=12)


@pytest.mark.parametrize("count", [0, 3, 25])
def test_windows_are_a_square_number_that_fits(count: int) -> None:
    with pytest.raises(ValueError, match=f"square number from 1 to 16 .* found {count}"):
        Windows(GRID, count)


def test_windows_of_a_grid_that_they_do_not_divide() -> None:
    # Five columns in two windows: three and two.
    found = Windows((2, 5), 4)(torch.ones(1, 1, 10), torch.arange(10.0).view(1, 10, 1)).flatten()
    assert found.tolist() == [3, 3, 3, 7, 7, 18, 18, 18, 17, 17]
