"""`fit`."""

from vtagml.commands.keys import ExperimentKey


def fit(*keys: ExperimentKey) -> None:
    """Trains, then tests; leaves checkpoint, figures and metrics.json in runs/NAME.

    Example:
        lightning fit --config experiments/scenes_sdne.yaml
    """
    from vtagml.commands.experiment import run_experiment

    run_experiment("fit", keys)
