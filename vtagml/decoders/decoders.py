"""The decoders of all tasks: one per task, or one trunk that the tasks share."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vtagml.decoders.branches import Loss, Pyramid, Run, together
from vtagml.decoders.decoder import Decoder
from vtagml.of_tasks import OfTasks

LossOfMaps = Callable[[Mapping[str, Tensor]], Loss]
"""Makes a task's loss of its map and of those on the way to it, by their names."""


class Decoders(nn.Module, ABC):
    """Maps of all tasks from their pyramids, in the order of the tasks.

    Args:
        outputs: Channels of every task's map.

    Attributes:
        run: How a task's branch runs, where its decoder is its own: `in_turn` keeps none of its
            activations for the backward.
    """

    apart = True
    """Whether no task's map reads another's pyramid, as captured gradients require."""

    def __init__(self, outputs: Mapping[str, int]) -> None:
        super().__init__()
        if not outputs:
            raise ValueError("`outputs` must name at least one task, found none.")
        self.tasks = tuple(outputs)
        self.run: Run = together

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
        return self.decode(self._complete(pyramids), image)

    def losses(
        self,
        pyramids: Mapping[str, Pyramid],
        image: Float[Tensor, "batch 3 height width"],
        of_maps: Mapping[str, LossOfMaps],
        scale: float = 1.0,
    ) -> dict[str, Loss]:
        """Loss of each task that has one, without a map left; here all maps are made first.

        Args:
            pyramids: Of every task.
            image: What the pyramids were made from, values in [0, 1].
            of_maps: What makes a loss of a task's maps.
            scale: By how much the losses will be multiplied before their backward.
        """
        maps = self(pyramids, image)
        return {task: of_task(maps) for task, of_task in of_maps.items()}

    @abstractmethod
    def decode(self, pyramids: dict[str, Pyramid], image: Tensor) -> dict[str, Tensor]:
        """Map of every task; `pyramids` are complete and in the order of the tasks.

        In training a task may have further maps, on the way to its own, under keys such as
        `depth/1`: `SumOfTasks` teaches them, too.
        """

    def _complete(self, pyramids: Mapping[str, Pyramid]) -> dict[str, Pyramid]:
        """The pyramids in the order of the tasks."""
        if set(pyramids) != set(self.tasks):
            raise ValueError(
                f"`pyramids` must have one pyramid per task {self.tasks}, found "
                f"{tuple(pyramids)}; give encoder and decoders the same tasks."
            )
        return {task: pyramids[task] for task in self.tasks}

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

    def losses(
        self,
        pyramids: Mapping[str, Pyramid],
        image: Float[Tensor, "batch 3 height width"],
        of_maps: Mapping[str, LossOfMaps],
        scale: float = 1.0,
    ) -> dict[str, Loss]:
        """Loss of each task that has one; its decoder and its loss are a branch that is `run`."""
        if not self.apart:  # a sibling's tasks read one another
            return super().losses(pyramids, image, of_maps, scale)

        def branch(task: str, pyramid: Pyramid) -> Loss:
            return of_maps[task](self.decode({task: pyramid}, image))

        complete = self._complete(pyramids)
        return {
            task: self.run(partial(branch, task), complete[task], self._training(task), scale)
            for task in of_maps
        }

    def compile(self, *args: Any, **settings: Any) -> None:
        """Compiles each decoder by itself, too: a branch runs one of them."""
        super().compile(*args, **settings)
        for decoder in self.decoders.values():
            decoder.compile(*args, **settings)

    def _training(self, task: str) -> list[nn.Parameter]:
        """What trains in a task's branch: all but what is another task's alone."""
        others = {
            parameter
            for other, decoder in self.decoders.items()
            if other != task
            for parameter in decoder.parameters()
        }
        others -= {*self.decoders[task].parameters()}
        return [each for each in self.parameters() if each.requires_grad and each not in others]

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
