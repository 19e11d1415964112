"""The frozen first layers of a backbone, which run once for each image and not in every epoch."""

import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from vtagml.backbone import StagedBackbone
from vtagml.features.feature_store import FeatureStore
from vtagml.features.fingerprints import fingerprints
from vtagml.narrowing import narrowed

Begin = Callable[[Tensor, int], list[Tensor]]
"""Runs so many of the first layers on some images."""


class KeptPrefix:
    """What the first layers make of each image: computed when it is first seen, then read.

    An image is known by all of its pixels, so that nothing has to be said when data or their
    augmentation change.

    Args:
        backbone: Whose `kept` it may become.
        layers: How many of its first, all of them frozen.
        folder: Of files that other weights, sizes or precisions know nothing of.
        dtype: In which features are kept.
        size: Height and width of the images; those of another size are computed every time.
    """

    def __init__(
        self,
        backbone: StagedBackbone,
        layers: int,
        folder: Path,
        dtype: torch.dtype,
        size: tuple[int, int],
    ) -> None:
        image = next(backbone.parameters()).new_zeros(1, 3, *size)
        with torch.no_grad():
            probed = backbone.begin(image, layers)
        self.store = FeatureStore(folder, [each.shape[1:] for each in probed], dtype)
        self.layers, self.dtypes, self.size = layers, [each.dtype for each in probed], size
        self._said = False

    def __call__(self, image: Float[Tensor, "batch 3 height width"], begin: Begin) -> list[Tensor]:
        """Returns the features of a batch.

        Args:
            image: Values in [0, 1].
            begin: Runs the layers.
        """
        size = (image.shape[-2], image.shape[-1])
        if size != self.size:
            self._say_once(size)
            return begin(image, self.layers)
        keys = fingerprints(image)
        rows = [self.store.find(key) for key in keys]
        missing = [place for place, row in enumerate(rows) if row is None]
        if missing:
            # All of the batch: batches of another make-up are rounded otherwise.
            with torch.no_grad():
                made = begin(image, self.layers)
            # The first time, too, it is what will be read later: epochs do not differ.
            kept = [narrowed("features of FeatureCache", each, self.store.dtype) for each in made]
            for place in missing:
                rows[place] = row = [each[place] for each in kept]
                self.store.put(keys[place], row)
        found = zip(*(row for row in rows if row is not None), strict=True)
        return [
            torch.stack(each).to(image.device, dtype)
            for each, dtype in zip(found, self.dtypes, strict=True)
        ]

    def _say_once(self, size: tuple[int, int]) -> None:
        if not self._said:
            warnings.warn(
                f"Features of images of {self.size} are kept, found some of {size}: what is frozen "
                "in front of the first adapter runs for these as ever.",
                stacklevel=2,
            )
        self._said = True
