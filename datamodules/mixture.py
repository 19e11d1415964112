"""Several datasets as one, whose images have labels of different tasks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from datamodules.base import DenseDataModule
from datamodules.labels import IGNORE, Labels
from datamodules.samples import Source
from datamodules.transforms import Sample, Transform


class Mixture(DenseDataModule):
    """Concatenates datasets of whole-image classes, each with tasks of its own.

    Every sample carries every task: the class ids of its own part, and 255, unknown, for all tasks
    of the others. Training draws from all samples alike, in one plain shuffle: a large part is seen
    more often than a small one, and no batch is balanced, as EMTAL's released code has it. In
    evaluation the parts follow each other in order, so that each task's metrics are over its own
    part alone. Each part keeps its files, skip list, geometry and augmentation; a sample's name is
    `<task>/<name>`.

    Args:
        parts: The datasets, no two with the same task and all of one `image_size`. Their own
            `batch_size`, `seed` and `variants` are not used, `workers` only where a part is drawn
            first. In a part's skip list its samples are named without the task in front.
        options: What all datasets take, see `DenseDataModule`. A part with none of the `tasks` that
            are asked for is left out; `augment` comes behind the parts' own, which is all there is
            by default.
    """

    offers: tuple[str, ...] = ()

    def __init__(self, parts: Sequence[DenseDataModule], **options: Any) -> None:
        _check_parts(parts)
        self.offers = tuple(task for part in parts for task in part.tasks)
        super().__init__(**options)
        kept_back = {*self.withheld, *(task for part in parts for task in part.withheld)}
        self.withheld = tuple(task for task in self.tasks if task in kept_back)
        self.named: dict[str, DenseDataModule] = {}
        for part in parts:
            part.tasks = tuple(task for task in part.tasks if task in self.tasks)
            part.withheld = tuple(task for task in part.tasks if task in self.withheld)
            if part.tasks:
                self.named["+".join(part.tasks)] = part
        self.image_size = _image_size(self.named)

    @property
    def parts(self) -> Mapping[str, DenseDataModule]:
        return self.named

    @property
    def labels(self) -> dict[str, Labels]:
        found: dict[str, Labels] = {}
        for part in self.parts.values():
            found |= {task: each for task, each in part.labels.items() if task in part.tasks}
        if lacking := [task for task in self.tasks if task not in found]:
            raise ValueError(
                f"`parts` should have tasks with classes, found {lacking}, which have none. Leave"
                " them out of the parts' `tasks`."
            )
        return {task: found[task] for task in self.tasks}

    def default_augment(self) -> Sequence[Transform]:
        return ()

    def transforms(self, split: str) -> Sequence[Transform]:
        own = OfPart({name: part.transforms(split) for name, part in self.named.items()})
        return [own, *super().transforms(split)]

    def views(self) -> Sequence[Transform]:
        return [OfPart({name: part.views() for name, part in self.named.items()})]

    def lacks(self, split: str) -> str | None:
        return next(filter(None, (part.lacks(split) for part in self.parts.values())), None)

    def predicted_only(self, split: str) -> str | None:
        return next(
            filter(None, (part.predicted_only(split) for part in self.parts.values())), None
        )

    def locate(self, stage: str) -> None:
        for part in self.parts.values():
            part.locate(stage)

    def prepare_data(self) -> None:
        for part in self.parts.values():
            part.prepare_data()

    def setup(self, stage: str | None = None) -> None:
        for part in self.parts.values():
            part.setup(stage)
        super().setup(stage)

    def source(self, split: str) -> Source["Owned"]:
        sources = {name: part._split(split).source for name, part in self.named.items()}
        records = [Owned(name, each) for name, source in sources.items() for each in source.records]
        readers = {name: source.read for name, source in sources.items()}
        read = ReadPart(readers, {name: part.tasks for name, part in self.named.items()})
        return Source(records, read, checked=all(source.checked for source in sources.values()))


class Owned(NamedTuple):
    """A record of one of several datasets."""

    part: str
    record: Any


@dataclass(frozen=True)
class ReadPart:
    """Reads a record with its own part's reader; what the part knows nothing of is unknown.

    Attributes:
        readers: Of each part.
        tasks: Of each part.
    """

    readers: Mapping[str, Callable[[Any, Sequence[str]], Sample]]
    tasks: Mapping[str, Sequence[str]]

    def __call__(self, owned: Owned, tasks: Sequence[str]) -> Sample:
        known = [task for task in tasks if task in self.tasks[owned.part]]
        read = self.readers[owned.part](owned.record, known)
        for task in known:
            if np.ndim(read[task]):
                raise ValueError(
                    f"`parts` should have classes of whole images, found a map of `{task}` for"
                    f" sample `{read['name']}`. Images with maps are trained on by themselves."
                )
        unknown = {task: np.array(IGNORE, np.uint8) for task in tasks}
        own = {task: read[task] for task in known}
        name = f"{owned.part}/{read['name']}"
        return {"image": read["image"], "name": name} | unknown | own


class OfPart(Transform):
    """Changes a sample as its own part does.

    Args:
        transforms: Of each part.
    """

    def __init__(self, transforms: Mapping[str, Sequence[Transform]]) -> None:
        self.transforms = {name: tuple(each) for name, each in transforms.items()}

    def __call__(self, sample: Sample, random: np.random.Generator) -> Sample:
        part = sample["name"].partition("/")[0]
        for transform in self.transforms[part]:
            sample = transform(sample, random)
        return sample


def _check_parts(parts: Sequence[DenseDataModule]) -> None:
    listed = [task for part in parts for task in part.tasks]
    if not listed or len(set(listed)) < len(listed):
        raise ValueError(
            f"`parts` should be datasets with different tasks, found {listed}. Give each the"
            " `tasks` that are its own."
        )


def _image_size(parts: Mapping[str, DenseDataModule]) -> tuple[int, int]:
    sizes = {name: getattr(part, "image_size", None) for name, part in parts.items()}
    size, *others = set(sizes.values())
    if others or size is None:
        raise ValueError(f"`parts` should have one `image_size`, found {sizes}. Give all the same.")
    return size
