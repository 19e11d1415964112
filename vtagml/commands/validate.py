"""`validate`."""

from vtagml.commands.keys import ExperimentKey


def validate(*keys: ExperimentKey) -> None:
    """Scores the validation split.

    Example:
        lightning validate --config experiments/scenes_sdne.yaml
    """
    from vtagml.commands.experiment import run_experiment

    run_experiment("validate", keys)
