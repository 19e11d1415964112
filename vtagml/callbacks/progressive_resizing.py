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
        self._side: int | None = None  # that the backbone is fitted to, None for its own

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: dict[str, Any], batch_idx: int
    ) -> None:
        side = self.sizes[max(start for start in self.sizes if start <= trainer.current_epoch)]
        if side != self._side:
            self._side = side
            for backbone in _backbones(pl_module):
                backbone.resize((side, side))
        image = batch["image"]
        if image.shape[-2:] != (side, side):
            batch["image"] = F.interpolate(
                image, size=(side, side), mode="bilinear", antialias=True, align_corners=False
            )

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._side = None
        for backbone in _backbones(pl_module):
            backbone.resize(backbone.image_size)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.on_validation_start(trainer, pl_module)


def _backbones(module: LightningModule) -> list[TimmBackbone]:
    return [child for child in module.modules() if isinstance(child, TimmBackbone)]
