from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from vtagml.callbacks import LoadAdapters, adapters


@pytest.fixture(autouse=True)
def _file_of_zeros(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(network: Any, path: Path) -> None:
        nn.init.zeros_(network.encoder.adapter.weight)

    monkeypatch.setattr(adapters, "load_adapters", load)


def test_a_test_after_a_fit_is_of_what_trained(toy: Any, tmp_path: Path) -> None:
    module, data = toy.Module(), toy.Data()
    trainer = toy.trainer(tmp_path, [LoadAdapters("zeros.safetensors")], limit_val_batches=0)
    trainer.fit(module, data)
    trained = module.network.encoder.adapter.weight.clone()
    assert trained.any()
    trainer.test(module, data, verbose=False)
    assert torch.equal(module.network.encoder.adapter.weight, trained)


def test_a_test_alone_is_of_the_file(toy: Any, tmp_path: Path) -> None:
    module = toy.Module()
    trainer = toy.trainer(tmp_path, [LoadAdapters("zeros.safetensors")])
    trainer.test(module, toy.Data(), verbose=False)
    assert not module.network.encoder.adapter.weight.any()
