"""How a command checks words without running them."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from vtagml.commands.experiment import ExperimentCLI, experiment

Parse: TypeAlias = Callable[[Sequence[str]], Any]
"""Checks the words of an experiment and returns its config; builds nothing."""


class ConfigCLI(ExperimentCLI):
    """Knows all keys of an experiment and checks a config against them; builds nothing."""

    def _set_seed(self) -> None:
        """Leaves the random state alone."""

    def instantiate_classes(self) -> None:
        """Leaves everything unbuilt."""

    def _run_subcommand(self, subcommand: str) -> None:
        """Leaves it to the command to use the config."""


def config_of(words: Sequence[str]) -> Any:
    """Returns the config of a fit; a `Parse`."""
    return experiment(ConfigCLI, ["fit", *words]).config.fit
