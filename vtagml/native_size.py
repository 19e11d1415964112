"""Predictions at the size of the image that was given, whatever size the network saw."""

from collections.abc import Iterator, Mapping, Sequence
from math import ceil
from typing import Any

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from vtagml.losses.unknown import full_precision
from vtagml.tasks import Task

STRIP = 2**19
"""About how many numbers of a map are held at the size of the image: 2 MB, which caches hold."""


def at_native_size(
    task: Task, maps: Sequence[Float[Tensor, "batch channels ..."]], batch: Mapping[str, Any]
) -> Iterator[Shaped[Tensor, "..."]]:
    """Predicts each sample at its own size, one at a time, on the device of the maps.

    Args:
        task: What the maps mean.
        maps: The decoder's maps, of one view of the images or several (`vtagml.views`).
        batch: Holds the `image` that the network saw; `size`, height and width of each as it is on
            disk; and, where there is padding to the right or below, `shown`, height and width of
            the part of `image` that shows it.
    """
    seen = tuple(batch["image"].shape[-2:])
    sizes = batch["size"].tolist()
    shown = batch["shown"].tolist() if "shown" in batch else [seen] * len(sizes)
    for index, (size, part) in enumerate(zip(sizes, shown, strict=True)):
        share = ((part[0], seen[0]), (part[1], seen[1]))
        yield predicted(task, [map[index] for map in maps], tuple(size), share)


def predicted(
    task: Task,
    maps: Sequence[Float[Tensor, "channels *_size"]],
    size: tuple[int, int],
    share: tuple[tuple[int, int], tuple[int, int]] = ((1, 1), (1, 1)),
) -> Shaped[Tensor, "..."]:
    """The prediction of one sample at any size.

    Maps are stretched linearly and then become a prediction, which is right for every task: scores
    before the class is chosen, normals before they are brought to length 1.

    Args:
        task: What the maps mean.
        maps: Of one view, or of several, whose predictions the task averages.
        size: Height and width of the prediction.
        share: How much of a map's height and of its width is taken, as a fraction each.
    """
    if maps[0].ndim < 3:  # scores of a whole image have no size
        return _together(task, maps)[0]
    wide = [Stretched(map, size, share) for map in maps]
    step = min(each.step for each in wide)
    strips = (
        _together(task, [each.rows(first, min(first + step, size[0])) for each in wide])
        for first in range(0, size[0], step)
    )
    return torch.cat(list(strips), dim=-2)[0]


def _together(task: Task, maps: Sequence[Tensor]) -> Tensor:
    batches = [map[None] for map in maps]
    return task.predict(batches[0]) if len(batches) == 1 else task.averaged(batches)


class Stretched:
    """A map at another size, linearly interpolated, a strip of rows at a time.

    Scores of forty classes for a photo of 12 megapixels would take 2 GB at once.

    Args:
        map: What is stretched.
        size: Height and width that it gets.
        share: How much of the map's height and of its width is shown, as a fraction each.
    """

    def __init__(
        self,
        map: Float[Tensor, "channels height width"],
        size: tuple[int, int],
        share: tuple[tuple[int, int], tuple[int, int]] = ((1, 1), (1, 1)),
    ) -> None:
        height, width = (
            whole * part / of for whole, (part, of) in zip(map.shape[1:], share, strict=True)
        )
        self.height, self.rows_of_all = height, size[0]
        self.same = (height, width) == size
        self.wide = map[:, : ceil(height), : ceil(width)]
        if not self.same:
            columns = torch.arange(size[1], device=map.device)
            self.wide = between(full_precision(self.wide), 2, columns, width / size[1])
        self.step = size[0] if self.same else max(1, STRIP // self.wide[:, 0].numel())

    def rows(self, first: int, end: int) -> Float[Tensor, "channels rows columns"]:
        """The stretched map's rows from `first` to before `end`."""
        if self.same:
            return self.wide[:, first:end]
        rows = torch.arange(first, end, device=self.wide.device)
        return between(self.wide, 1, rows, self.height / self.rows_of_all)


def between(
    map: Float[Tensor, "channels height width"], axis: int, pixels: Tensor, scale: float
) -> Float[Tensor, "channels _height _width"]:
    """A map's values at the centres of other pixels along an axis.

    Args:
        map: The values.
        axis: 1 for rows, 2 for columns.
        pixels: Numbers of the new pixels.
        scale: How many of the map's pixels one of them spans.
    """
    # Beyond the outermost centres nothing changes.
    places = ((pixels + 0.5) * scale - 0.5).clamp(0, map.shape[axis] - 1)
    before = places.long()
    after = (before + 1).clamp(max=map.shape[axis] - 1)
    share = (places - before).to(map)
    share = share[:, None] if axis == 1 else share
    return torch.lerp(map.index_select(axis, before), map.index_select(axis, after), share)


def nearest(values: Shaped[Tensor, "..."], size: Sequence[int]) -> Shaped[Tensor, "..."]:
    """Maps at another height and width: of the nearest pixel, for ids and metres alike.

    What is said of a whole image has neither, and stays.
    """
    for axis, length in zip((-2, -1), size, strict=True) if values.ndim > 1 else ():
        if values.shape[axis] != length:
            places = torch.arange(length, device=values.device) + 0.5
            values = values.index_select(axis, (places * values.shape[axis] / length).long())
    return values
