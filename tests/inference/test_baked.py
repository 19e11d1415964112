"""The inference form: ω's consequences as constants."""

from functools import partial

import pytest
import torch
from torch import nn

from tests.fakes.backbones import FAMILIES, TinySwinV2, awake
from vtagml import MultitaskNetwork
from vtagml.adapters import FullBias, LiteralTaskScaledNorm, LiteralVisionAdapter, VisionAdapter
from vtagml.adapters.film import FiLM
from vtagml.affinity import TROA
from vtagml.backbone import StagedBackbone
from vtagml.decoders import ConvDecoder, PerTask
from vtagml.encoders import VTAGML, Shared, SideVTAGML
from vtagml.encoders.encoder import Encoder
from vtagml.inference.baked import InferenceForm, baked
from vtagml.tasks import Depth, Segmentation
from vtagml.tuning import Frozen, LoRA
from vtagml.tuning.lora import LowRankLinear

SIZE = (64, 96)
ADAPTERS = [VisionAdapter, LiteralVisionAdapter, partial(VisionAdapter, bias=FullBias)]


def network(encoder: object) -> MultitaskNetwork:
    found = MultitaskNetwork(
        {"segmentation": 4, "depth": 1},
        encoder,  # type: ignore[arg-type]
        lambda outputs, channels: PerTask(outputs, channels, ConvDecoder),
        TROA,
    ).eval()
    for parameter in found.parameters():
        if parameter.requires_grad:
            nn.init.normal_(parameter, std=0.2)
    found.affinity.log_weights.copy_(torch.tensor([[1.0, 0.0], [-1.0, 0.5]]))
    return found


def adapted(family: type[StagedBackbone], adapter: object = VisionAdapter) -> MultitaskNetwork:
    def encoder(tasks: tuple[str, ...]) -> Encoder:
        backbone = awake(family(image_size=SIZE))  # type: ignore[call-arg]
        return VTAGML(tasks, backbone, [(3, 1), (4, 2)], adapter, 8)  # type: ignore[arg-type]

    return network(encoder)


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("family", FAMILIES)
@torch.no_grad()
def test_it_predicts_what_the_network_does(family: type[StagedBackbone], adapter: object) -> None:
    original = adapted(family, adapter)
    image = torch.rand(2, 3, 96, 64)  # another size than the backbone's
    copy = baked(original, (96, 64))
    expected, found = original(image), copy(image)
    for task in expected:
        torch.testing.assert_close(found[task], expected[task])
    assert not torch.allclose(expected["depth"], original(image, torch.eye(2).flip(0))["depth"])


@pytest.mark.parametrize("family", FAMILIES)
@torch.no_grad()
def test_beside_the_backbone_it_predicts_the_same_without_what_generated_it(
    family: type[StagedBackbone],
) -> None:
    def encoder(tasks: tuple[str, ...]) -> Encoder:
        backbone = awake(family(image_size=SIZE))  # type: ignore[call-arg]
        return SideVTAGML(tasks, backbone, [(3, 1), (4, 2)], embedding=8)

    original = network(encoder)
    image = torch.rand(2, 3, 96, 64)  # another size than the backbone's
    copy = baked(original, (96, 64))
    expected = original(image)
    assert not any(isinstance(module, FiLM) for module in copy.modules())
    for task, map in copy(image).items():
        torch.testing.assert_close(map, expected[task])


@torch.no_grad()
def test_nothing_is_left_that_omega_could_change() -> None:
    original = adapted(TinySwinV2, partial(VisionAdapter, norm=LiteralTaskScaledNorm))
    copy = baked(original, SIZE)
    assert not any(isinstance(module, FiLM) for module in copy.modules())
    assert any(isinstance(module, FiLM) for module in original.modules())
    image = torch.rand(1, 3, *SIZE)
    for omega in (torch.eye(2), torch.tensor([[0.0, 1.0], [0.5, 0.5]])):
        torch.testing.assert_close(copy(image, omega), original(image))
    assert not any(parameter.requires_grad for parameter in copy.parameters())
    assert not any(module.training for module in copy.modules())


@torch.no_grad()
def test_the_original_may_go_on_training() -> None:
    original = adapted(TinySwinV2)
    copy = baked(original, SIZE)
    image = torch.rand(1, 3, *SIZE)
    before = copy(image)["depth"]
    for parameter in original.parameters():
        parameter.zero_()
    torch.testing.assert_close(copy(image)["depth"], before)


@torch.no_grad()
def test_what_lora_learned_is_in_the_weights() -> None:
    original = network(lambda tasks: Shared(tasks, awake(TinySwinV2(image_size=SIZE)), LoRA(2)))
    image = torch.rand(1, 3, *SIZE)
    expected = original(image)
    found = baked(original, SIZE)
    assert not [module for module in found.modules() if isinstance(module, LowRankLinear)]
    for task, map in found(image).items():
        torch.testing.assert_close(map, expected[task], rtol=1e-4, atol=1e-4)


def test_encoders_without_adapters_stay_as_they_are() -> None:
    original = network(lambda tasks: Shared(tasks, awake(TinySwinV2(image_size=SIZE)), Frozen()))
    image = torch.rand(1, 3, *SIZE)
    torch.testing.assert_close(baked(original, SIZE)(image), original(image))


@torch.no_grad()
def test_outputs_are_in_the_units_of_the_tasks() -> None:
    original = adapted(TinySwinV2)
    tasks = {"segmentation": Segmentation(4), "depth": Depth()}
    image = torch.rand(2, 3, *SIZE)
    found = InferenceForm(original, tasks, SIZE)(image)
    maps = original(image)
    assert list(found) == ["segmentation", "depth"]
    assert torch.equal(found["segmentation"], maps["segmentation"].argmax(1))
    torch.testing.assert_close(found["depth"], nn.functional.softplus(maps["depth"]))
