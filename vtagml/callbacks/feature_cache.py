"""What the frozen beginning of a network says of each image is computed once, and kept on disk."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any, Literal

import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.combined_loader import CombinedLoader
from lightning.pytorch.utilities.rank_zero import rank_zero_info
from torch import Tensor, nn

from vtagml.backbone import StagedBackbone
from vtagml.data import data_of
from vtagml.encoders import Encoder
from vtagml.features import FeatureStore, keep_prefix
from vtagml.multitask import multitask

GIGABYTE = 10**9


class FeatureCache(Callback):
    """Runs the frozen first blocks of a backbone once per image, and not in every epoch.

    From the second time on their features are read from files, so that an epoch is what learns and
    what stands behind it. For encoders with adapters of their own (`VTAGML`, `SideVTAGML`, `VMT`)
    these are the blocks in front of the first adapter, for `Shared` those in front of the first
    thing that trains: with `Frozen` the whole backbone. Training and validation images are kept;
    tests compute as ever.

    The data say how many augmented variants of an image there are: with `data.variants 4` every
    image is augmented in four ways, again and again. A variant is known by its pixels and the
    features by the weights that made them, so that nothing stale is ever read: other weights,
    sizes or precisions have a folder of their own. A run that is resumed, other runs and other
    ranks read what is there. How much space it may take is said first.

    Note:
        Whoever deletes the folder loses nothing but time. No run deletes one.

    Args:
        folder: Where the features are kept.
        dtype: Precision of the files; `float32` changes nothing.
    """

    def __init__(
        self,
        folder: str = "data/features",
        dtype: Literal["float16", "bfloat16", "float32"] = "float16",
    ) -> None:
        self.folder = Path(folder)
        self.dtype: torch.dtype = getattr(torch, dtype)
        self._backbone: StagedBackbone | None = None
        self._store: FeatureStore | None = None

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        network = multitask(pl_module).network
        _beginning(network.encoder)
        if any(each._compiled_call_impl is not None for each in network.modules()):
            raise ValueError(
                "`model.compute.compile` must be null beside FeatureCache, which reads files in "
                "the midst of the network. Set it to null, or remove the callback."
            )
        if data_of(trainer).variants is None:
            raise ValueError(
                "`data.variants` must say beside FeatureCache how many augmented variants of an "
                "image there are, found null: with new ones in every epoch none would be seen "
                "twice. Set it to 1 if nothing is random in the augmentation, else to a few."
            )

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # Here, since a checkpoint or another run's weights may have come before.
        backbone, layers = _beginning(multitask(pl_module).network.encoder)
        size = data_of(trainer).image_size or backbone.image_size
        described = {
            "architecture": backbone.architecture,
            "layers": layers,
            "weights": _digest(backbone, layers),
            "precision": str(trainer.precision),
            "size": list(size),
            "dtype": str(self.dtype),
        }
        name = hashlib.blake2b(json.dumps(described).encode(), digest_size=6).hexdigest()
        folder = self.folder / f"{backbone.architecture}-{name}"
        self._backbone = backbone
        with trainer.precision_plugin.forward_context():
            self._store = keep_prefix(backbone, layers, folder, self.dtype, (size[0], size[1]))
        self._say(trainer, self._store)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._store is not None:
            self._store.refresh()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._forget()

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        self._forget()

    def _forget(self) -> None:
        if self._backbone is not None:
            self._backbone.kept = None
        if self._store is not None:
            self._store.close()
        self._backbone = self._store = None

    def _say(self, trainer: Trainer, store: FeatureStore) -> None:
        """Says how much space the features take; too little of it is an error."""
        train = _images(trainer.train_dataloader) * (data_of(trainer).variants or 1)
        needed = (train + _images(trainer.val_dataloaders)) * store.length
        there = len(store) * store.length
        place = next(
            each for each in (store.folder, *store.folder.absolute().parents) if each.exists()
        )
        free = shutil.disk_usage(place).free
        rank_zero_info(
            f"FeatureCache: up to {needed / GIGABYTE:.3g} GB in `{store.folder}`, where "
            f"{there / GIGABYTE:.3g} GB are; {free / GIGABYTE:.3g} GB are free."
        )
        if needed - there > free:
            raise ValueError(
                f"`folder` of FeatureCache must have {(needed - there) / GIGABYTE:.3g} GB free, "
                f"found {free / GIGABYTE:.3g} GB. Give another folder, fewer `data.variants`, or "
                "`dtype` float16; or remove the callback."
            )


def _beginning(encoder: Encoder) -> tuple[StagedBackbone, int]:
    """Returns the backbone and how many of its first layers are kept."""
    found = encoder.frozen_beginning()
    if found is None or not any(place.block for place, _ in found[0].layers()[: found[1]]):
        raise ValueError(
            f"FeatureCache must have frozen blocks in front of all that trains, found none in this "
            f"{type(encoder).__name__}: give adapters later `blocks`, or remove the callback."
        )
    return found


def _digest(backbone: StagedBackbone, layers: int) -> str:
    """What the first layers are made of; all of the backbone but what comes later."""
    others = [*(layer for _, layer in backbone.layers()[layers:]), backbone.behind]
    later = {id(each) for module in others for each in _tensors(module)}
    digest = hashlib.blake2b(digest_size=16)
    for tensor in _tensors(backbone):
        if id(tensor) not in later:
            digest.update(tensor.detach().cpu().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _tensors(module: nn.Module) -> list[Tensor]:
    return [*module.parameters(), *module.buffers()]


def _images(loaders: Any) -> int:
    """How many images there are in datasets, of which some have two in a sample."""
    flat = CombinedLoader(loaders).flattened if loaders is not None else []
    return sum(
        len(part) for loader in flat for part in getattr(loader.dataset, "parts", [loader.dataset])
    )
