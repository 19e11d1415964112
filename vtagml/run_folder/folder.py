"""What a run leaves in its folder, and the mark by which the folder is known as a run's."""

import os
import shutil
from pathlib import Path

from vtagml.run_folder.lock import LOCK
from vtagml.run_folder.whole_file import write_whole

CONFIG, METRICS = "config.yaml", "metrics.json"
PARAMETERS, AFFINITY = "parameters.json", "affinity.json"
CONFLICTS = "conflicts.json"
CHECKPOINTS, FIGURES, LOGS, PREDICTIONS = "checkpoints", "figures", "logs", "predictions"
WANDB, WANDB_RUN = "wandb", "wandb_run.json"
NAMES = (
    *(CHECKPOINTS, CONFIG, METRICS, PARAMETERS, AFFINITY, CONFLICTS),
    *(FIGURES, LOGS, PREDICTIONS, WANDB, WANDB_RUN),
)
"""What every run may leave; what one leaves beside that, by its settings, its mark names."""
MARK = ".vtagml-run"
OF_SYSTEMS = ("lost+found", ".DS_Store")  # an empty disk has the one, a folder looked at the other
SHOWN = 3


class RunFolder:
    """A folder as far as it is a run's; all else in it is the user's and left alone.

    Any program may have a `config.yaml` or `figures`. So a run enters only a folder that is new,
    empty, or bears the mark of an earlier run, and then what has one of the names is a run's.

    Args:
        path: The folder, there or not.

    Attributes:
        newest_checkpoint: Where the newest checkpoint is, unless `checkpoint.dirpath` says another
            place.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = path = Path(path)
        self.config, self.metrics = path / CONFIG, path / METRICS
        self.parameters, self.affinity = path / PARAMETERS, path / AFFINITY
        self.conflicts = path / CONFLICTS
        self.checkpoints, self.figures = path / CHECKPOINTS, path / FIGURES
        self.logs, self.predictions = path / LOGS, path / PREDICTIONS
        self.wandb_run = path / WANDB_RUN
        self.newest_checkpoint = self.checkpoints / "last.ckpt"
        self.faulty_checkpoint = self.checkpoints / "faulty.ckpt"  # of a run that diverged
        self._mark = path / MARK

    @classmethod
    def of_checkpoint(cls, file: Path) -> "RunFolder":
        """The run of a checkpoint: beside it, or above where it lies as runs keep theirs."""
        folder = file.resolve().parent
        is_above = folder.name == CHECKPOINTS and not cls(folder).config.is_file()
        return cls(folder.parent if is_above else folder)

    @property
    def log_versions(self) -> dict[int, Path]:
        """The folders of the commands that have logged, by their numbers, in their order."""
        names = [place.name.removeprefix("version_") for place in self.logs.glob("version_*")]
        numbers = sorted(map(int, filter(str.isdecimal, names)))
        return {number: self.logs / f"version_{number}" for number in numbers}

    @property
    def is_marked(self) -> bool:
        return os.path.isfile(self._mark)  # noqa: PTH113 -- no error if the name is too long

    def check(self) -> None:
        """Raises an error if the folder holds anything but a run."""
        if self.is_marked or not os.path.lexists(self.path):
            return
        if not self.path.is_dir():
            raise ValueError(
                f"`--trainer.default_root_dir` must be a folder, found the file `{self.path}`."
            )
        others = {entry.name for entry in self.path.iterdir()} - {LOCK, *OF_SYSTEMS}
        if others:
            listed = ", ".join(f"`{name}`" for name in sorted(others)[:SHOWN])
            more = ", …" if len(others) > SHOWN else ""
            raise ValueError(
                "`--trainer.default_root_dir` must be a new or empty folder, or one of a run, "
                f"found {listed}{more} in `{self.path}` and no `{MARK}`, which a run leaves: give "
                f"another, such as `{self.path / 'run'}`. (Of a run that was copied without its "
                f"hidden files: `touch {self._mark}`.)"
            )

    def mark(self) -> None:
        """Says that what is written here from now on is a run's."""
        self._mark.touch()

    def unmark(self) -> None:
        """Takes the mark back, of a folder that holds nothing of a run's."""
        self._mark.unlink(missing_ok=True)

    def claim(self, name: str) -> None:
        """Says that a run writes this too; what lies outside is where its user has put it."""
        known = Path(name).parts[0] in NAMES or name in self._claimed
        if self.is_marked and _is_inside(name) and not known:
            with self._mark.open("a", encoding="utf-8") as mark:
                mark.write(f"{name}\n")

    def keep(self, name: str, content: bytes) -> None:
        """Writes a file of the run, which is there whole or not at all."""
        self.claim(name)
        write_whole(self.path / name, content)

    @property
    def written(self) -> list[str]:
        """What of all that runs write is there."""
        names = (*NAMES, *self._claimed) if self.is_marked else ()
        return [name for name in names if os.path.lexists(self.path / name)]

    def clear(self) -> None:
        """Removes what runs wrote."""
        for name in self.written:
            place = self.path / name
            if place.is_dir() and not place.is_symlink():
                shutil.rmtree(place)
            else:
                place.unlink()

    @property
    def _claimed(self) -> list[str]:
        if not self.is_marked:
            return []
        lines = self._mark.read_text(encoding="utf-8", errors="replace").splitlines()
        return list(filter(_is_inside, lines))  # a folder may have come from anybody


def _is_inside(name: str) -> bool:
    path = Path(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts
