"""`test`."""

from vtagml.commands.keys import ExperimentKey


def test(*keys: ExperimentKey) -> None:
    """Scores the test split, as a table and as metrics.json in runs/NAME.

    Example:
        lightning test --config experiments/scenes_sdne.yaml
    """
    from vtagml.commands.experiment import run_experiment

    run_experiment("test", keys)
