"""The frozen first layers of a backbone, which run once for each image and not in every epoch."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from vtagml.backbone import StagedBackbone
from vtagml.features.feature_store import FeatureStore
from vtagml.features.fingerprints import fingerprints

Begin = Callable[[Tensor], list[Tensor]]
"""Runs the layers on some images."""


class KeptPrefix:
    """What the first layers make of each image: computed when it is first seen, then read.

    An image is known by all of its pixels, so that nothing has to be said when data or their
    augmentation change.

    Args:
        layers: How many, of those that a walk passes.
        store: Where the features are kept.
        dtypes: What each of the features is in the network.
        size: Height and width of the images; those of another size are computed every time.
    """

    def __init__(
        self,
        layers: int,
        store: FeatureStore,
        dtypes: Sequence[torch.dtype],
        size: tuple[int, int],
    ) -> None:
        self.layers, self.store, self.dtypes, self.size = layers, store, tuple(dtypes), size

    def __call__(self, image: Float[Tensor, "batch 3 height width"], begin: Begin) -> list[Tensor]:
        """Returns the features of a batch.

        Args:
            image: Values in [0, 1].
            begin: Runs the layers.
        """
        if (image.shape[-2], image.shape[-1]) != self.size:
            return begin(image)
        keys = fingerprints(image)
        rows = [self.store.find(key) for key in keys]
        missing = [place for place, row in enumerate(rows) if row is None]
        if missing:
            with torch.no_grad():
                made = begin(image[missing])
            # The first time, too, it is what will be read later: epochs do not differ.
            narrow = [narrowed(each, self.store.dtype).cpu() for each in made]
            for place, row in zip(missing, zip(*narrow, strict=True), strict=True):
                self.store.put(keys[place], row)
                rows[place] = list(row)
        found = zip(*(row for row in rows if row is not None), strict=True)
        return [
            torch.stack(each).to(image.device, dtype)
            for each, dtype in zip(found, self.dtypes, strict=True)
        ]


def narrowed(features: Tensor, dtype: torch.dtype) -> Tensor:
    """Returns features in the precision that they are kept in."""
    narrow = features.to(dtype)
    if not torch.equal(narrow.isfinite(), features.isfinite()):
        raise ValueError(
            f"`dtype` of FeatureCache must hold features of up to {features.abs().max():.3g}, "
            f"found {str(dtype).removeprefix('torch.')}: give bfloat16 or float32."
        )
    return narrow


def keep_prefix(
    backbone: StagedBackbone,
    layers: int,
    folder: Path,
    dtype: torch.dtype,
    size: tuple[int, int],
) -> FeatureStore:
    """Lets a backbone keep from now on what its first layers make of images.

    Args:
        backbone: Whose `kept` it becomes.
        layers: How many, all of them frozen.
        folder: Of files that other weights, sizes or precisions know nothing of.
        dtype: In which features are kept.
        size: Height and width of the images.

    Returns:
        Where they are kept.
    """
    image = next(backbone.parameters()).new_zeros(1, 3, *size)
    with torch.no_grad():
        probed = backbone.begin(image, layers)
    store = FeatureStore(folder, [each.shape[1:] for each in probed], dtype)
    backbone.kept = KeptPrefix(layers, store, [each.dtype for each in probed], size)
    return store
