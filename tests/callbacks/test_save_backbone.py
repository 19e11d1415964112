import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from vtagml.callbacks import SaveBackbone
from vtagml.callbacks.save_backbone import cast_weight


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


def test_a_weight_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"cannot hold `scale`.*1e\+05: choose bfloat16"):
        cast_weight("scale", torch.tensor([1e5]), torch.float16)
