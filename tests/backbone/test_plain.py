"""A backbone as the network of timm that it is."""

from typing import Any

import pytest
import timm
import torch
from torch import Tensor

from tests.backbone.test_backbone import IMAGE, every_family
from tests.fakes.backbones import FAMILIES, TinySwin, TinySwinV2, TinyViT, awake
from vtagml.backbone import Backbone, PlainNetwork, TimmBackbone, ViT
from vtagml.tuning import LoRA


class SmallViT(ViT):
    """Of any kind of ViT: its tokens, norms and patches, at width 32."""

    def _options(self) -> dict[str, Any]:
        return super()._options() | {"embed_dim": 32, "depth": 4, "num_heads": 2}


class Blank(Backbone):
    """No network at all."""

    def forward(self, image: Tensor) -> list[Tensor]:
        return []


def image() -> Tensor:
    return torch.rand(2, 3, *IMAGE, generator=torch.Generator().manual_seed(1))


def test_timm_s_network_with_the_weights_makes_the_pyramid_in_every_family() -> None:
    for backbone in every_family():
        plain = PlainNetwork(awake(backbone).eval())

        network = plain.loaded(plain.weights)

        assert type(network) is type(backbone.model)
        found = backbone.plain_pyramid(network, image())
        for level, expected in zip(found, backbone(image()), strict=True):
            torch.testing.assert_close(level, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("architecture", "patch"),
    [
        ("vit_small_patch14_dinov2.lvd142m", 16),
        ("vit_small_patch14_reg4_dinov2.lvd142m", 16),
        ("vit_base_patch16_siglip_gap_224", None),
        ("vit_base_patch32_224", None),
    ],
)
def test_every_kind_of_vit(architecture: str, patch: int | None) -> None:
    backbone = awake(SmallViT(architecture, (128, 128), None, patch_size=patch)).eval()
    plain = PlainNetwork(backbone)
    seen = torch.rand(1, 3, 128, 128)

    # As a user writes it, without what is for images of other sizes.
    written = {key: each for key, each in plain.arguments.items() if key != "dynamic_img_size"}
    network = timm.create_model(architecture, **written).eval()
    network.load_state_dict(plain.weights)

    assert plain.arguments["img_size"] == (128, 128)
    assert plain.arguments.get("patch_size") == patch
    for level, expected in zip(backbone.plain_pyramid(network, seen), backbone(seen), strict=True):
        torch.testing.assert_close(level, expected, rtol=1e-4, atol=1e-5)


def test_what_no_map_passes_is_named_and_as_timm_starts_it() -> None:
    assert PlainNetwork(TinyViT()).untrained == []
    plain = PlainNetwork(awake(TinySwin()))
    assert plain.untrained == ["norm.bias", "norm.weight"]
    assert plain.weights["norm.weight"].eq(1).all()
    assert plain.weights["norm.bias"].eq(0).all()


def test_the_call_builds_it() -> None:
    plain = PlainNetwork(TinySwinV2(IMAGE))
    assert plain.call.startswith('timm.create_model("swinv2_tiny_window8_256", img_size=(64, 96), ')
    network = eval(plain.call, {"timm": timm})
    assert network.load_state_dict(plain.weights) == ([], [])  # none missing, none unexpected


def test_the_network_takes_the_precision_of_its_weights() -> None:
    plain = PlainNetwork(TinyViT().double())
    assert plain.loaded(plain.weights).pos_embed.dtype == torch.float64


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_not_merged_is_refused(family: type[TimmBackbone]) -> None:
    backbone = family()
    LoRA(2).tune(backbone)
    with pytest.raises(
        ValueError,
        match=r"must have the keys of timm's.*found \d+ differences, first .*attn.proj.bias",
    ):
        PlainNetwork(backbone)


def test_another_network_is_refused() -> None:
    with pytest.raises(ValueError, match="must be a network of timm, found Blank"):
        PlainNetwork(Blank((1, 1, 1, 1)))
