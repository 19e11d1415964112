from pathlib import Path

import pytest
import safetensors.torch
import timm
import torch
from torch import Tensor

from tests.fakes.backbones import FAMILIES, TinySwin, TinySwinV2, TinyViT, awake
from vtagml.backbone import (
    LEVELS,
    FocalNet,
    PVTv2,
    StagedBackbone,
    Swin,
    SwinV2Nano,
    TimmBackbone,
    ViT,
    timm_backbone,
)
from vtagml.backbone.weights import grid_of

IMAGE = (64, 96)


class Marker:
    """An object that only running its pickled code could bring back."""


def every_family() -> list[TimmBackbone]:
    return [
        *(family() for family in FAMILIES),
        PVTv2("pvt_v2_b0", weights=None),
        FocalNet("focalnet_tiny_srf", weights=None),
    ]


def test_the_pyramid_has_its_strides_and_channels_in_every_family() -> None:
    for backbone in every_family():
        pyramid = backbone(torch.rand(2, 3, *IMAGE))

        shapes = [tuple(level.shape) for level in pyramid[:LEVELS]]
        sizes = [(16, 24), (8, 12), (4, 6), (2, 3)]
        assert shapes == [(2, c, *size) for c, size in zip(backbone.channels, sizes, strict=True)]


@pytest.mark.parametrize("family", [TinySwinV2, TinySwin])
@pytest.mark.parametrize("size", [(96, 160), (256, 256)])
def test_stage_by_stage_is_timm_s_own_forward(
    family: type[StagedBackbone], size: tuple[int, int]
) -> None:
    backbone = awake(family()).eval()
    image = torch.rand(1, 3, *size)

    expected = backbone.model.forward_intermediates(
        backbone.normalize(image), intermediates_only=True
    )

    for level, reference in zip(backbone(image), expected, strict=True):
        torch.testing.assert_close(level, reference)


def test_a_vit_s_last_quarter_is_timm_s_own_forward() -> None:
    backbone = awake(TinyViT(IMAGE)).eval()
    image = torch.rand(1, 3, *IMAGE)

    (tokens,) = backbone.model.forward_intermediates(
        backbone.normalize(image), indices=1, norm=True, intermediates_only=True
    )

    coarsest = torch.nn.functional.interpolate(tokens, (2, 3), mode="bilinear", antialias=True)
    assert torch.equal(backbone(image)[3], coarsest)


def test_every_level_of_a_vit_is_timm_s_normalised_layer() -> None:
    backbone = awake(TinyViT(IMAGE)).eval()
    image = torch.rand(1, 3, *IMAGE)

    quarters = backbone.model.forward_intermediates(
        backbone.normalize(image), indices=[1, 3, 5, 7], norm=True, intermediates_only=True
    )

    # Of the 4 x 6 patches of 16 pixels the third level is made without resizing.
    pyramid = backbone(image)
    assert torch.equal(pyramid[2], quarters[2])
    for level, quarter, size in zip(pyramid, quarters, [(16, 24), (8, 12)], strict=False):
        finer = torch.nn.functional.interpolate(quarter, size, mode="bilinear")
        assert torch.equal(level, finer)


def test_every_parameter_has_a_part_in_the_pyramid() -> None:
    for family in FAMILIES:
        backbone = awake(family())
        # The four levels of a ViT are its quarters, all of which the last one passes through.
        sum(level.square().mean() for level in backbone(torch.rand(1, 3, *IMAGE))).backward()

        unused = [name for name, each in backbone.named_parameters() if each.grad is None]
        assert unused == []


def test_normalize_uses_the_weights_statistics() -> None:
    backbone = TinySwin()

    grey = backbone.normalize(torch.full((1, 3, *IMAGE), 0.5))

    # ImageNet: mean .485 .456 .406, deviation .229 .224 .225.
    expected = torch.tensor([0.015 / 0.229, 0.044 / 0.224, 0.094 / 0.225])
    torch.testing.assert_close(grey[0, :, 0, 0], expected)


def test_an_image_that_the_stride_does_not_divide_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`image`.*divisible by 32, found 64 x 90"):
        TinySwinV2()(torch.rand(1, 3, 64, 90))


@pytest.mark.parametrize("size", [(0, 64), (100, 64)])
def test_an_impossible_image_size_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="`image_size`"):
        TinySwinV2(size)


def test_swin_tiny_has_its_known_size() -> None:
    # timm's swin_tiny without head has 27 519 354 parameters, 1 536 of them in the final norm.
    backbone = Swin("swin_tiny_patch4_window7_224", weights=None)

    assert sum(each.numel() for each in backbone.parameters()) == 27_519_354 - 1_536


def test_the_nano_network_has_the_size_it_names() -> None:
    backbone = SwinV2Nano(weights=None)

    assert backbone.channels == (32, 64, 128, 256)
    assert [len(stage.blocks) for stage in backbone.stages] == [2, 2, 6, 2]
    assert 3.1e6 < sum(each.numel() for each in backbone.parameters()) < 3.2e6


def test_freezing_is_for_good() -> None:
    backbone = TinySwinV2(drop_path=0.9).freeze()
    assert not any(module.training for module in backbone.modules())

    backbone.train()

    assert not backbone.training
    assert not any(module.training for module in backbone.modules())
    assert not any(each.requires_grad for each in backbone.parameters())


def test_before_freezing_it_trains() -> None:
    backbone = TinySwinV2(drop_path=0.9).train()

    assert backbone.training
    assert all(each.requires_grad for each in backbone.parameters())


def saved(backbone: TimmBackbone, path: Path, extra: dict[str, Tensor] | None = None) -> str:
    state = backbone.model.state_dict() | (extra or {})
    if path.suffix == ".safetensors":
        safetensors.torch.save_file({k: v.contiguous() for k, v in state.items()}, path)
    else:
        torch.save(state, path)
    return str(path)


@pytest.mark.parametrize("name", ["weights.safetensors", "weights.pth"])
@pytest.mark.parametrize("family", FAMILIES)
def test_weights_from_a_file(
    family: type[TinySwinV2 | TinySwin | TinyViT], name: str, tmp_path: Path
) -> None:
    source = awake(family())
    path = saved(source, tmp_path / name, {"head.fc.weight": torch.zeros(2, 2)})

    loaded = family(weights=path)

    image = torch.rand(1, 3, *IMAGE)
    for level, expected in zip(loaded.eval()(image), source.eval()(image), strict=True):
        assert torch.equal(level, expected)


@pytest.mark.parametrize("size", [(64, 96), (128, 192), (96, 64), (96, 96)])
def test_positions_of_a_file_that_says_their_grid_stay_where_they_were(
    size: tuple[int, int], tmp_path: Path
) -> None:
    # 4 x 6 patches, as many as 6 x 4 have.
    made = awake(TinyViT((64, 96)))
    planted = torch.rand(1, 32, 4, 6)
    made.model.pos_embed.data[:, 1:] = planted.flatten(2).transpose(1, 2)
    path = str(tmp_path / "weights.safetensors")
    safetensors.torch.save_file(made.model.state_dict(), path, metadata=grid_of(made.model))

    found = TinyViT(size, path).model.pos_embed[:, 1:]

    grid = (size[0] // 16, size[1] // 16)
    moved = planted
    if grid != (4, 6):
        moved = torch.nn.functional.interpolate(planted, grid, mode="bicubic", antialias=True)
    torch.testing.assert_close(found, moved.flatten(2).transpose(1, 2))


def test_half_precision_weights_come_back_in_full(tmp_path: Path) -> None:
    path = saved(TinySwinV2().half(), tmp_path / "weights.safetensors")

    assert {each.dtype for each in TinySwinV2(weights=path).parameters()} == {torch.float32}


def test_weights_that_do_not_fit_are_listed_key_by_key(tmp_path: Path) -> None:
    state = TinySwinV2().model.state_dict()
    del state["patch_embed.proj.bias"]
    state["surplus.weight"] = torch.zeros(1)
    state["patch_embed.norm.weight"] = torch.zeros(3)
    torch.save(state, tmp_path / "weights.pth")

    with pytest.raises(ValueError, match="3 differences") as raised:
        TinySwinV2(weights=str(tmp_path / "weights.pth"))

    message = str(raised.value)
    assert "missing `patch_embed.proj.bias`" in message
    assert "unexpected `surplus.weight`" in message
    assert "`patch_embed.norm.weight` must have shape (16,), found (3,)" in message


def test_a_missing_file_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"`weights`.*`nowhere.safetensors`"):
        TinySwinV2(weights="nowhere.safetensors")


def test_a_file_with_code_is_not_run(tmp_path: Path) -> None:
    torch.save({"state_dict": Marker()}, tmp_path / "weights.pth")

    with pytest.raises(ValueError, match=r"`weights` file .* could not be read"):
        TinySwinV2(weights=str(tmp_path / "weights.pth"))


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "weights.safetensors").write_bytes(b"not weights")

    with pytest.raises(ValueError, match=r"`weights` file .* could not be read"):
        TinySwinV2(weights=str(tmp_path / "weights.safetensors"))


def test_offline_says_what_else_can_be_done(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(timm, "create_model", offline)
    monkeypatch.setattr(timm_backbone, "check_hub", lambda _: None)

    with pytest.raises(FileNotFoundError, match=r"no route to host.*Go online once.*`weights`"):
        Swin()


def test_an_unknown_architecture_is_named() -> None:
    with pytest.raises(ValueError, match=r"`architecture`.*found `swin_gigantic`"):
        Swin("swin_gigantic", weights=None)


def test_the_nano_network_is_on_no_hub() -> None:
    with pytest.raises(ValueError, match="no hub has this network"):
        SwinV2Nano(weights="hub")


def test_a_pool_with_attention_that_no_map_passes_is_left_out() -> None:
    class Siglip(TinyViT):
        def __init__(self) -> None:
            ViT.__init__(self, "vit_base_patch16_siglip_224.webli", (64, 96), None)

    backbone = Siglip()
    sum(level.sum() for level in backbone(torch.rand(1, 3, 64, 96))[:LEVELS]).backward()
    assert [name for name, each in backbone.named_parameters() if each.grad is None] == []


def test_swin_v1_keeps_its_biases_of_positions() -> None:
    backbone = TinySwin((128, 128))
    before = list(backbone.position_biases())
    backbone.resize((256, 256))
    with pytest.raises(ValueError, match=r"at least 128 x 128 pixels, found 64 x 128"):
        backbone.resize((64, 128))
    assert all(one is two for one, two in zip(before, backbone.position_biases(), strict=True))


def test_resizing_changes_the_windows_that_the_map_allows() -> None:
    backbone = TinySwinV2((64, 64))
    assert backbone.stages[2].blocks[1].shift_size == (0, 0)

    backbone.resize((256, 256))

    assert backbone.stages[2].blocks[1].shift_size == (2, 2)


@pytest.mark.parametrize("weights", [None, "none", "null"])
def test_no_weights_is_a_random_start(weights: str | None) -> None:
    assert TinySwinV2(weights=weights).weights is None
