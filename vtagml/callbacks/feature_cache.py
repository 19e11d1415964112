"""What the frozen beginning of a network says of each image is computed once, and kept on disk."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any, Literal

import timm
import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.combined_loader import CombinedLoader
from lightning.pytorch.utilities.rank_zero import rank_zero_info, rank_zero_warn
from torch import Tensor, nn

from vtagml.backbone import StagedBackbone
from vtagml.callbacks.progressive_resizing import ProgressiveResizing
from vtagml.data import data_of
from vtagml.digests import digest_of
from vtagml.encoders import Encoder
from vtagml.features import FeatureStore, KeptPrefix
from vtagml.multitask import multitask

GIGABYTE = 10**9
FORMAT = 1  # of the files, and of all in front of the first block
SHOWN = 12  # digits of a digest in a folder's name


class FeatureCache(Callback):
    """Runs the frozen first blocks of a backbone once per image, and not in every epoch.

    From the second time on their features are read from files, so that a step is what learns and
    what stands behind it. For encoders with adapters of their own (`VTAGML`, `SideVTAGML`, `VMT`)
    these are the blocks in front of the first adapter, for `Shared` those in front of the first
    thing that trains: with `Frozen` the whole backbone. Training and validation images are kept, of
    the size that the data say; tests compute as ever.

    The data say how many augmented variants of an image there are: with `data.variants 4` every
    image is augmented in four ways, again and again. A variant is known by its pixels and the
    features by the weights that made them, so that nothing stale is ever read: other weights,
    sizes or precisions have a folder of their own. A run that is resumed, other runs and other
    ranks read what is there. How much space it may take is said first.

    Note:
        Whoever deletes the folder loses nothing but time. No run deletes one.

    Args:
        folder: Where the features are kept.
        dtype: Precision of the files; `float32` is exact in a network of single precision.
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
        if any(isinstance(each, ProgressiveResizing) for each in trainer.callbacks):  # type: ignore[attr-defined]
            raise ValueError(
                "FeatureCache must not stand beside ProgressiveResizing, which fits the frozen "
                "blocks to images of another size meanwhile: remove one of the two."
            )
        if data_of(trainer).variants is None:
            raise ValueError(
                "`data.variants` (of an adaptation those of `source` and `target`) must say beside "
                "FeatureCache how many augmented variants of an image there are, found null: with "
                "new ones in every epoch none would be seen twice. Set it to 1 if nothing is "
                "random in the augmentation, else to a few."
            )

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # Here, since a checkpoint or another run's weights may have come before.
        backbone, layers = _beginning(multitask(pl_module).network.encoder)
        size = data_of(trainer).image_size or backbone.image_size
        described = {
            "format": FORMAT,
            "timm": timm.__version__,
            "architecture": backbone.architecture,
            "layers": layers,
            "weights": digest_of(_of_first(backbone, layers)),
            "fitted": list(backbone.image_size),  # windows and shifts follow from it
            "size": list(size),
            "precision": str(trainer.precision),
            # Products of float32 may be shortened, where a device can.
            "products": [trainer.strategy.root_device.type, torch.get_float32_matmul_precision()],
            "dtype": str(self.dtype),
        }
        name = hashlib.sha256(json.dumps(described).encode()).hexdigest()[:SHOWN]
        folder = self.folder / f"{backbone.architecture}-{name}"
        self._backbone = backbone
        with trainer.precision_plugin.forward_context():
            kept = KeptPrefix(backbone, layers, folder, self.dtype, (size[0], size[1]))
        backbone.kept, self._store = kept, kept.store
        self._make_room(trainer, self._store)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert self._store is not None
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

    def _make_room(self, trainer: Trainer, store: FeatureStore) -> None:
        """Says how much space the features take; too little of it is an error."""
        train = _images(trainer.train_dataloader) * (data_of(trainer).variants or 1)
        images = train + _images(trainer.val_dataloaders)
        # Lightning makes the loaders of a validation that is far off when it comes.
        if trainer.val_dataloaders is not None:
            store.room = images  # and no more of those that nobody has announced
        there, needed = len(store) * store.length, images * store.length
        folders = (store.folder, *store.folder.absolute().parents)
        free = shutil.disk_usage(next(each for each in folders if each.exists())).free
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
        if needed > free:
            rank_zero_warn(
                "The disk suffices for FeatureCache if what is in its folder is of these images: "
                "what has no place is computed in every epoch."
            )


def _beginning(encoder: Encoder) -> tuple[StagedBackbone, int]:
    """Returns the backbone and how many of its first layers are kept."""
    found = encoder.frozen_beginning()
    if found is None:
        raise ValueError(
            "FeatureCache must have an encoder with one frozen backbone for all tasks (VTAGML, "
            "SideVTAGML, VMT, Hyperformer, Polyhistor, or Shared on Swin or ViT), found "
            f"{type(encoder).__name__}: remove the callback."
        )
    if not any(place.block for place, _ in found[0].layers()[: found[1]]):
        raise ValueError(
            "FeatureCache must have frozen blocks in front of all that trains, found none in this "
            f"{type(encoder).__name__}: give adapters later `blocks`, or remove the callback."
        )
    return found


def _of_first(backbone: StagedBackbone, layers: int) -> dict[str, Tensor]:
    """All tensors of a backbone but those of what comes behind the first layers."""
    others = [*(layer for _, layer in backbone.layers()[layers:]), backbone.behind]
    later = {id(each) for module in others for _, each in _tensors(module)}
    return {name: each for name, each in _tensors(backbone) if id(each) not in later}


def _tensors(module: nn.Module) -> list[tuple[str, Tensor]]:
    return [*module.named_parameters(), *module.named_buffers()]


def _images(loaders: Any) -> int:
    """How many images there are in datasets, of which some have two in a sample."""
    flat = CombinedLoader(loaders).flattened if loaders is not None else []
    return sum(
        len(part) for loader in flat for part in getattr(loader.dataset, "parts", [loader.dataset])
    )
