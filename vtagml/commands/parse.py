"""How a command checks words without running them."""

from collections.abc import Sequence
from typing import Any

from yaml import safe_load

from vtagml.commands.experiment import ExperimentCLI, experiment


class ConfigCLI(ExperimentCLI):
    """Knows all keys of an experiment and checks a config against them; builds nothing."""

    def _set_seed(self) -> None:
        """Leaves the random state alone."""

    def instantiate_classes(self) -> None:
        """Leaves everything unbuilt."""

    def _run_subcommand(self, subcommand: str) -> None:
        """Leaves it to the command to use the config."""


class ResolvedCLI(ConfigCLI):
    """Does without a checkpoint, which may be still to come."""

    def before_instantiate_classes(self) -> None:
        self.config[self.subcommand].ckpt_path = None
        super().before_instantiate_classes()


def config_of(words: Sequence[str]) -> Any:
    """Returns the config of a fit."""
    return experiment(ConfigCLI, ["fit", *words]).config.fit


def resolved(words: Sequence[str]) -> dict[str, Any]:
    """Returns the config of a fit as a run keeps it."""
    fit = experiment(ResolvedCLI, ["fit", *words])
    return safe_load(fit._parser("fit").dump(fit.config.fit, skip_none=False))
