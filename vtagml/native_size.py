"""Predictions at the size of the image that was given, whatever size the network saw."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from vtagml.tasks import Task

STRIP = 2**19
"""About how many numbers of a map are held at the size of the image: 2 MB, which caches hold."""


def predict_at_native_size(
    task: Task, maps: Float[Tensor, "batch channels *size"], batch: Mapping[str, Any]
) -> list[Tensor]:
    """Predicts each sample at its own size, on the CPU.

    The decoder's map is stretched linearly and then becomes a prediction, which is right for every
    task: scores before the class is chosen, normals before they are brought to length 1.

    Args:
        task: What the maps mean.
        maps: The decoder's maps.
        batch: Holds `size`, height and width of each image as it is on disk, and, where the
            network saw an image with padding to the right or below, `shown`, height and width of
            the part that shows the image.
    """
    if maps.ndim < 4:  # scores of a whole image have no size
        return list(task.predict(maps).cpu())
    predictions = []
    shown = batch["shown"].tolist() if "shown" in batch else [maps.shape[-2:]] * len(maps)
    for map, (height, width), (rows, columns) in zip(
        maps, shown, batch["size"].tolist(), strict=True
    ):
        strips = stretched(map[:, :height, :width], (rows, columns))
        predicted = [task.predict(strip[None]).cpu() for strip in strips]
        predictions.append(torch.cat(predicted, dim=-2)[0])
    return predictions


def stretched(
    map: Float[Tensor, "channels height width"], size: tuple[int, int]
) -> Iterator[Float[Tensor, "channels rows columns"]]:
    """Yields a linearly interpolated map in strips of rows, from the top.

    Scores of forty classes for a photo of 12 megapixels would take 2 GB at once.
    """
    if map.shape[1:] == size:
        yield map
        return
    wide = functional.interpolate(map.float()[None], (map.shape[1], size[1]), mode="bilinear")[0]
    step = max(1, STRIP // wide[:, 0].numel())
    for first in range(0, size[0], step):
        rows = torch.arange(first, min(first + step, size[0]), device=map.device)
        # Centres of rows, in rows of the map; beyond its outermost centres nothing changes.
        places = ((rows + 0.5) * (map.shape[1] / size[0]) - 0.5).clamp(0, map.shape[1] - 1)
        above = places.long()
        below = (above + 1).clamp(max=map.shape[1] - 1)
        yield torch.lerp(wide[:, above], wide[:, below], (places - above)[:, None])
