import pytest
import torch
from lightning import LightningModule, Trainer

from vtagml.backbone import SwinV2Nano
from vtagml.callbacks import ProgressiveResizing

OWN = (64, 64)


class Network(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.backbone = SwinV2Nano(image_size=OWN)


def test_backbone_and_images_have_the_size_of_the_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    resized: list[tuple[int, int]] = []
    monkeypatch.setattr(SwinV2Nano, "resize", lambda self, size: resized.append(size))
    callback, module = ProgressiveResizing({0: 32, 2: 64}), Network()
    trainer, epoch = Trainer(logger=False, barebones=True), [0]
    monkeypatch.setattr(Trainer, "current_epoch", property(lambda self: epoch[0]))

    def side_of_a_batch() -> int:
        batch = {"image": torch.rand(1, 3, *OWN)}
        callback.on_train_batch_start(trainer, module, batch, 0)
        return batch["image"].shape[-1]

    assert [side_of_a_batch(), side_of_a_batch()] == [32, 32]
    assert resized == [(32, 32)]  # once, not with every batch
    callback.on_validation_start(trainer, module)
    assert side_of_a_batch() == 32
    assert resized[1:] == [OWN, (32, 32)]
    epoch[0] = 3
    assert side_of_a_batch() == 64
    callback.on_fit_end(trainer, module)
    assert resized[3:] == [(64, 64), OWN]


def test_the_first_epoch_needs_a_size() -> None:
    with pytest.raises(ValueError, match="`sizes` must say the size from epoch 0 on, found"):
        ProgressiveResizing({3: 64})
