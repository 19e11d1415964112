import json
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Trainer
from safetensors import safe_open
from safetensors.torch import load_file

from tests.fakes.backbones import TinySwinV2, TinyViT, awake
from vtagml.callbacks import SaveBackbone
from vtagml.encoders import Separate, Shared
from vtagml.module import MultitaskModule
from vtagml.narrowing import narrowed
from vtagml.tasks import Depth
from vtagml.tuning import BottleneckAdapter, Full, LoRA


def test_weights_and_metadata(finished_run: Path, toy: Any) -> None:
    path = finished_run / "backbone.safetensors"
    weights = load_file(path)
    expected = toy.Module().network.encoder.backbone.model.state_dict()
    assert set(weights) == set(expected)
    assert weights["0.weight"].dtype == torch.float16
    assert weights["1.num_batches_tracked"].dtype == torch.int64
    with safe_open(path, framework="pt") as file:
        described = file.metadata()
    assert described["architecture"] == "toy_net"
    assert json.loads(described["metrics"])["val/depth/rmse"] > 0
    assert described["command"]


def test_the_saved_weights_are_the_trained_ones(toy: Any, tmp_path: Path) -> None:
    module = toy.Module()
    trainer = toy.trainer(tmp_path, [SaveBackbone("weights.safetensors", dtype="float32")])
    trainer.fit(module, toy.Data())
    weights = load_file(tmp_path / "weights.safetensors")
    for name, value in module.network.encoder.backbone.model.state_dict().items():
        assert torch.equal(weights[name], value)


def test_what_lora_learned_is_in_the_weights(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = Shared(["depth"], awake(TinySwinV2((64, 64))), LoRA(2))
    for parameter in network.parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter, std=0.3)
    module = encoder_alone(network)
    callback = SaveBackbone("weights.safetensors", dtype="float32")
    trainer = Trainer(default_root_dir=tmp_path, logger=False)
    callback.on_fit_start(trainer, module)

    callback.on_fit_end(trainer, module)

    plain = TinySwinV2((64, 64), weights=str(tmp_path / "weights.safetensors"))
    image = torch.rand(1, 3, 64, 64)
    for level, expected in zip(plain(image), network.backbone(image), strict=True):
        torch.testing.assert_close(level, expected, rtol=1e-4, atol=1e-4)


def test_the_file_of_a_vit_says_where_its_patches_are(tmp_path: Path) -> None:
    network = Shared(["depth"], TinyViT((64, 96)), Full())
    trainer = Trainer(default_root_dir=tmp_path, logger=False)
    SaveBackbone("weights.safetensors").on_fit_end(trainer, encoder_alone(network))
    with safe_open(tmp_path / "weights.safetensors", framework="pt") as file:
        assert file.metadata()["grid"] == "4 6"


@pytest.mark.parametrize(("encoder", "tuning"), [(Separate, Full()), (Shared, BottleneckAdapter())])
def test_what_is_no_one_backbone_is_refused_before_the_fit(encoder: Any, tuning: Any) -> None:
    module = encoder_alone(encoder(["depth"], awake(TinySwinV2((64, 64))), tuning))
    with pytest.raises(ValueError, match=rf"found {encoder.__name__} with {type(tuning).__name__}"):
        SaveBackbone("weights.safetensors").on_fit_start(Trainer(logger=False), module)


def encoder_alone(encoder: Any) -> MultitaskModule:
    return MultitaskModule([Depth()], lambda _: encoder)


def test_a_weight_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"cannot hold `scale`.*1e\+05: choose bfloat16"):
        narrowed("scale", torch.tensor([1e5]), torch.float16)
