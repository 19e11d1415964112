"""Channels that fire on the same tokens come together."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.fakes.backbones import TinyViT, awake
from vtagml.backbone import Place
from vtagml.experts import CoActivation


@pytest.fixture
def images(tmp_path: Path) -> str:
    generator = np.random.default_rng(0)
    for name in ("a.png", "b.JPG", "c.png"):
        pixels = generator.integers(0, 256, (40, 50, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no image")
    return str(tmp_path)


def test_channels_with_the_same_activation_make_an_expert(images: str) -> None:
    network, place = awake(TinyViT()).freeze(), Place(2, 2)
    layer = network.block(place).mlp.fc1  # type: ignore[union-attr]
    alike = torch.randperm(128).view(8, 16)
    with torch.no_grad():
        layer.weight.normal_()  # type: ignore[operator, union-attr]
        layer.bias.fill_(1.0)  # type: ignore[operator, union-attr]
        for own in alike:
            layer.weight[own] = layer.weight[own[0]].clone()  # type: ignore[index, operator, union-attr]

    labels = CoActivation(images, cache=None).labels(network, 8)[place]

    assert labels[alike[:, 0]].unique().numel() == 8
    assert torch.equal(labels[alike], labels[alike[:, :1]].expand(8, 16))


def test_what_fires_is_what_leaves_the_activation(images: str) -> None:
    network = awake(TinyViT()).freeze()
    block = network.block(Place(1, 1))
    given: list[torch.Tensor] = []
    hook = block.mlp.register_forward_pre_hook(lambda module, inputs: given.extend(inputs))  # type: ignore[union-attr]

    vectors = CoActivation(images, count=2).vectors(network, 4)[Place(1, 1)]

    hook.remove()
    assert len(given) == 2
    hidden = torch.nn.functional.gelu(block.mlp.fc1(torch.cat(given))).clamp(min=0)  # type: ignore[operator, union-attr]
    # 24 patches and the class token: every second.
    expected = hidden[:, ::2].flatten(0, 1).T
    torch.testing.assert_close(vectors, expected)
    assert network(torch.rand(1, 3, 64, 96))[0].isfinite().all()
    assert not block.mlp.act._forward_hooks  # type: ignore[union-attr]


def test_a_network_that_thins_itself_is_measured_whole(images: str) -> None:
    network = awake(TinyViT(drop_path=0.5)).train()  # experts are found before it is frozen
    before = torch.random.get_rng_state()

    first, second = (CoActivation(images).vectors(network, 4) for _ in range(2))

    assert all(torch.equal(first[place], second[place]) for place in first)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert network.training


def test_a_folder_without_images_is_named(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(FileNotFoundError, match=r"`images` must be a folder .* found none in"):
            CoActivation(str(folder)).labels(TinyViT(), 4)
