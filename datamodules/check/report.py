"""What a check found."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from datamodules.check.examination import Examination, TaskStatistics
from datamodules.disk.names import name_line


@dataclass(frozen=True)
class Problem:
    """Something that is wrong: with a sample, or with a split as a whole if `name` is None.

    What is wrong with the dataset as a whole has an empty `split`.
    """

    split: str
    name: str | None
    message: str

    def __str__(self) -> str:
        return f"{self.split}: {self.name}: {self.message}" if self.name else self.message


@dataclass
class SplitReport:
    """What one split holds.

    Attributes:
        official: Number of samples of the whole dataset; None if nobody says.
        found: Number of samples here, those on the skip list included.
        skipped: Names on the skip list, which were not read.
        bad: Names of the samples that cannot be used.
        sizes: Height and width of the images, and how many have them.
        tasks: The labels of each task, over all samples that were read.
    """

    official: int | None = None
    found: int = 0
    skipped: list[str] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    tasks: dict[str, TaskStatistics] = field(default_factory=dict)

    def add(self, sample: Examination) -> None:
        """Count one more sample."""
        if sample.errors:
            self.bad.append(sample.name)
        if sample.size:
            self.sizes[sample.size] += 1
        for task, statistics in sample.tasks.items():
            earlier = self.tasks.get(task)
            self.tasks[task] = earlier + statistics if earlier else statistics


@dataclass
class Report:
    """What a dataset holds, and all that is wrong with it.

    Attributes:
        dataset: Its name.
        classes: Names of the classes of each task that has classes.
        splits: One report per split.
        problems: All that is wrong, in the order of splits and samples.
        notes: What is worth knowing, and not wrong.
    """

    dataset: str
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    splits: dict[str, SplitReport] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def write_skip_list(self, file: Path) -> int:
        """Write the names of the bad samples, each below the reason; returns how many.

        Names that were on the skip list already stay on it, so that the file can replace it.
        """
        lines = ["# Samples to leave out, one name per line; made by `lightning check`."]
        skipped = (name for split in self.splits.values() for name in split.skipped)
        names = dict.fromkeys(skipped, "was on the skip list already")
        for problem in self.problems:
            if problem.name and problem.name in self.splits[problem.split].bad:
                names[problem.name] = problem.message
        for name, reason in names.items():
            lines += [f"# {' '.join(reason.split())}", name_line(name)]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return len(names)
