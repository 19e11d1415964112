"""Files that callbacks leave in the run's folder."""

from lightning import Trainer

from vtagml.run_folder import RunFolder


def folder_of(trainer: Trainer) -> RunFolder:
    """The folder of the run that a Trainer is at."""
    return RunFolder(trainer.default_root_dir)


def is_trial(trainer: Trainer) -> bool:
    """Whether it is a `fast_dev_run`, which leaves nothing."""
    return bool(getattr(trainer, "fast_dev_run", False))


def keep(trainer: Trainer, name: str, content: bytes) -> None:
    """Writes a file in the run's folder; a `fast_dev_run` leaves nothing there."""
    if not is_trial(trainer):
        folder_of(trainer).keep(name, content)
