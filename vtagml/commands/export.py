"""`export`: what trained, out of a checkpoint into a file of its own."""

from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias, cast

from lightning import LightningModule
from lightning.pytorch.cli import LightningCLI
from rich import get_console

from vtagml.checkpoints import read_checkpoint, save_adapters
from vtagml.commands.building import built

Trained: TypeAlias = Callable[[Sequence[str]], LightningModule]
"""Makes the model of an experiment, with the weights of its checkpoint, from a command's words."""


class ModelOnly(LightningCLI):
    """Mixed into the CLI of experiments: reads a whole config, and builds nothing but its model."""

    def instantiate_classes(self) -> None:
        config = self.config[self.config.subcommand]
        self.model = built(LightningModule, config.model)
        if config.ckpt_path is not None:
            content = read_checkpoint(Path(config.ckpt_path))
            self.model.on_load_checkpoint(content)  # says where the two differ
            self.model.load_state_dict(content["state_dict"])

    def _run_subcommand(self, subcommand: str) -> None:
        """Leaves it to the command to use the model."""


def run_export(words: Sequence[str], load: Trained) -> None:
    """Runs `lightning export`."""
    parser = ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--out", type=Path, default=Path("adapters.safetensors"))
    options, rest = parser.parse_known_args(words)
    save_adapters(cast(Any, load(rest)).network, options.out)
    size = options.out.stat().st_size / 2**20
    get_console().print(f"`{options.out}`: {size:.1f} MiB, without what is frozen.", soft_wrap=True)
