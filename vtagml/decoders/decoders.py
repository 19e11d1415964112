"""The decoders of all tasks: one per task, or one trunk that the tasks share."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vtagml.decoders.decoder import Decoder
from vtagml.of_tasks import OfTasks

Pyramid: TypeAlias = list[Tensor]


class Decoders(nn.Module, ABC):
    """Maps of all tasks from their pyramids, in the order of the tasks.

    Args:
        outputs: Channels of every task's map.
    """

    apart = True
    """Whether no task's map reads another's pyramid, as captured gradients require."""

    def __init__(self, outputs: Mapping[str, int]) -> None:
        super().__init__()
        if not outputs:
            raise ValueError("`outputs` must name at least one task, found none.")
        self.tasks = tuple(outputs)

    def forward(
        self,
        pyramids: Mapping[str, list[Float[Tensor, "batch ..."]]],
        image: Float[Tensor, "batch 3 height width"],
    ) -> dict[str, Float[Tensor, "batch ..."]]:
        """Map of every task at the image's height and width.

        Args:
            pyramids: Of every task.
            image: What the pyramids were made from, values in [0, 1].
        """
        if set(pyramids) != set(self.tasks):
            raise ValueError(
                f"`pyramids` must have one pyramid per task {self.tasks}, found "
                f"{tuple(pyramids)}; give encoder and decoders the same tasks."
            )
        return self.decode({task: pyramids[task] for task in self.tasks}, image)

    @abstractmethod
    def decode(self, pyramids: dict[str, Pyramid], image: Tensor) -> dict[str, Tensor]:
        """Map of every task; `pyramids` are complete and in the order of the tasks.

        In training a task may have further maps, on the way to its own, under keys such as
        `depth/1`: `SumOfTasks` teaches them, too.
        """

    def plain_head(self, tasks: Sequence[str]) -> nn.Linear | None:
        """The layer that makes the maps of tasks of the backbone's summary alone, if one does.

        Here it is the head of the only decoder there is.
        """
        decoders = [module for module in self.modules() if isinstance(module, Decoder)]
        return decoders[0].plain_head if len(decoders) == 1 else None


class PerTask(Decoders):
    """One decoder per task, with parameters of its own (Sec. 3.3, the drawing of Fig. 2)."""

    def __init__(
        self,
        outputs: Mapping[str, int],
        channels: Sequence[int],
        decoder: Callable[[Sequence[int], int], Decoder],
    ) -> None:
        super().__init__(outputs)
        self.decoders = OfTasks({task: decoder(channels, count) for task, count in outputs.items()})

    def decode(self, pyramids: dict[str, Pyramid], image: Tensor) -> dict[str, Tensor]:
        size = height_and_width(image)
        return {task: self.decoders[task](pyramid, size) for task, pyramid in pyramids.items()}

    def plain_head(self, tasks: Sequence[str]) -> nn.Linear | None:
        first, *others = tasks
        return None if others else cast(Decoder, self.decoders[first]).plain_head


class Shared(Decoders):
    """One trunk for all tasks, a linear head for each (the caption of Fig. 2).

    The tasks' pyramids are folded into the batch and pass the trunk together. No decoder mixes
    the images of a batch, so neither tasks nor images meet there.
    """

    def __init__(
        self,
        outputs: Mapping[str, int],
        channels: Sequence[int],
        decoder: Callable[[Sequence[int], int], Decoder],
    ) -> None:
        super().__init__(outputs)
        self.decoder = decoder(channels, next(iter(outputs.values())))
        self.heads = OfTasks(
            {task: self.decoder.make_head(count) for task, count in outputs.items()}
        )
        # A head without a task would be a parameter without a gradient.
        self.decoder.head = nn.Identity()

    def decode(self, pyramids: dict[str, Pyramid], image: Tensor) -> dict[str, Tensor]:
        size = height_and_width(image)
        dtype = pyramids[self.tasks[0]][0].dtype
        return {
            task: self.decoder.finish(self.heads[task](features).to(dtype), size)
            for task, features in zip(self.tasks, self.streams(*pyramids.values()), strict=True)
        }

    def streams(self, *pyramids: Pyramid) -> Sequence[Tensor]:
        """The trunk's features of every pyramid."""
        first = pyramids[0]
        # The very same tensors: one pass serves all tasks.
        if all(level is same for own in pyramids for level, same in zip(first, own, strict=True)):
            return [self.decoder.read(first)] * len(pyramids)
        folded = [torch.cat(levels) for levels in zip(*pyramids, strict=True)]
        return self.decoder.read(folded).chunk(len(pyramids))


class OneHead(Decoders):
    """One decoder whose scores are every task's: one head over the classes of all tasks.

    Args:
        outputs: Channels of every task's map, equal for all: the number of all classes.
        channels: Channels of the four levels, finest first.
        decoder: A class of decoders and its settings.
    """

    def __init__(
        self,
        outputs: Mapping[str, int],
        channels: Sequence[int],
        decoder: Callable[[Sequence[int], int], Decoder],
    ) -> None:
        super().__init__(outputs)
        if len(set(outputs.values())) > 1:
            raise ValueError(
                f"`tasks` of one head must all have as many channels, found {dict(outputs)}: give "
                "each the `total` of all classes (`vtagml.tasks.UnitedClassification`), or take "
                "`PerTask`."
            )
        self.decoder = decoder(channels, outputs[self.tasks[0]])

    def decode(self, pyramids: dict[str, Pyramid], image: Tensor) -> dict[str, Tensor]:
        size = height_and_width(image)
        return {task: self.decoder(pyramid, size) for task, pyramid in pyramids.items()}


def height_and_width(image: Tensor) -> tuple[int, int]:
    return image.shape[-2], image.shape[-1]
