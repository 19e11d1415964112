"""Smaller images first: most of a pre-training at a quarter of its price."""

from collections.abc import Mapping
from typing import Any

import torch.nn.functional as F
from lightning.pytorch import Callback, LightningModule, Trainer

from vtagml.backbone import TimmBackbone


class ProgressiveResizing(Callback):
    """Trains on images scaled down until a given epoch; evaluates at the images' own size.

    Args:
        sizes: Side of the training images from an epoch on, for example `{0: 64, 10: 128}`. Only
            images are scaled, so it suits labels that belong to the whole image.
    """

    def __init__(self, sizes: Mapping[int, int]) -> None:
        if 0 not in sizes:
            raise ValueError(f"`sizes` must say the size from epoch 0 on, found {dict(sizes)}.")
        self.sizes = dict(sizes)

    def size(self, epoch: int) -> int:
        """Returns the side of the training images of an epoch."""
        return self.sizes[max(start for start in self.sizes if start <= epoch)]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # A run that resumes in the middle of an epoch does not start one.
        side = self.size(trainer.current_epoch)
        _resize(pl_module, (side, side))

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        side = self.size(trainer.current_epoch)
        _resize(pl_module, (side, side))

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: dict[str, Any], batch_idx: int
    ) -> None:
        side = self.size(trainer.current_epoch)
        image = batch["image"]
        if image.shape[-2:] != (side, side):
            batch["image"] = F.interpolate(
                image, size=(side, side), mode="bilinear", antialias=True, align_corners=False
            )

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for backbone in _backbones(pl_module):
            backbone.resize(backbone.image_size)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        side = self.size(trainer.current_epoch)
        _resize(pl_module, (side, side))

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for backbone in _backbones(pl_module):
            backbone.resize(backbone.image_size)


def _resize(module: LightningModule, size: tuple[int, int]) -> None:
    for backbone in _backbones(module):
        backbone.resize(size)


def _backbones(module: LightningModule) -> list[TimmBackbone]:
    return [child for child in module.modules() if isinstance(child, TimmBackbone)]
