"""Several looks at one image, whose predictions are averaged (augmented testing)."""

import math
from collections.abc import Iterator, Mapping, Sequence

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from vtagml.backbone import STRIDES
from vtagml.tasks import Task

MULTIPLE = STRIDES[-1]
"""Sides of an image that backbones take are multiples of it."""


class Views:
    """How often and in which sizes a network sees each image; by default once, as it is.

    Each task brings the map of a mirrored image back (`Task.mirrored`), and averages what the views
    predict in the way that suits it (`Task.averaged`).

    Note:
        Larger views are made of the image that the network gets, not of the file, so they show no
        more detail. Code bases that start from the file gain a little more by scales above 1.

    Args:
        flip: Whether each size is also seen mirrored left to right.
        scales: Sizes of the image as factors of the network's input, rounded to what backbones
            take; a network pays for its windows or positions not being fitted to another.
    """

    def __init__(self, flip: bool = False, scales: Sequence[float] = (1.0,)) -> None:
        wrong = [scale for scale in scales if not (scale > 0 and math.isfinite(scale))]
        if wrong or not scales or len(set(scales)) < len(scales):
            raise ValueError(
                "`scales` of augmented testing must be one or more different factors above 0, "
                f"found {list(scales)}: [1.0] is the network's own size."
            )
        self.flip = flip
        self.scales = tuple(float(scale) for scale in scales)

    @property
    def settings(self) -> dict[str, bool | list[float]]:
        """What has to stand beside a result."""
        return {"flip": self.flip, "scales": list(self.scales)}

    def maps(
        self,
        network: nn.Module,
        image: Float[Tensor, "batch 3 height width"],
        tasks: Mapping[str, Task],
    ) -> dict[str, list[Tensor]]:
        """The maps of every task, one per view, in the image's own orientation."""
        found: dict[str, list[Tensor]] = {name: [] for name in tasks}
        for seen in self._scaled(image):
            for name, map in network(seen).items():
                found[name].append(map)
            if self.flip:
                for name, map in network(seen.flip(-1)).items():
                    found[name].append(tasks[name].mirrored(map))
        return found

    def _scaled(self, image: Tensor) -> Iterator[Tensor]:
        own = tuple(image.shape[-2:])
        sizes = (own if scale == 1 else _rounded(own, scale) for scale in self.scales)
        for size in dict.fromkeys(sizes):  # two scales may be rounded to one size
            yield (
                image
                if size == own
                else functional.interpolate(image, size, mode="bilinear", antialias=True)
            )


def _rounded(size: tuple[int, ...], scale: float) -> tuple[int, int]:
    height, width = (max(1, round(side * scale / MULTIPLE)) * MULTIPLE for side in size)
    return height, width
