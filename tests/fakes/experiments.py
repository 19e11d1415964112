"""The experiments of this repository: bases, overlays, and what they are together."""

import re
import shlex
import warnings
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from vtagml.commands.parse import config_of

FOLDER = Path(__file__).parents[2] / "experiments"
SMALL, SMALL_TWO_DOMAINS, SMALL_CLASSES = (
    FOLDER / f"small{kind}.yaml" for kind in ("", "_two_domains", "_classes")
)
BASES = sorted(set(FOLDER.glob("*.yaml")) - {SMALL, SMALL_TWO_DOMAINS, SMALL_CLASSES})
OVERLAYS = sorted(
    path
    for room in ("ablations", "backbones", "methods", "settings")
    for path in (FOLDER / room).glob("*.yaml")
)
COMMAND = re.compile(r"^# +lightning (.*(?:(?<=\\)\n#.*)*)", re.MULTILINE)


def commands_in_head(config: Path) -> list[list[str]]:
    """The words of the commands that a config shows in its head."""
    commands = COMMAND.findall(config.read_text(encoding="utf-8"))
    return [shlex.split(command.replace("\\\n#", " "), comments=True) for command in commands]


def configs_in(words: Sequence[str]) -> tuple[Path, ...]:
    """The files of `--config` in a command of this repository."""
    return tuple(FOLDER.parent / word for key, word in pairwise(words) if key == "--config")


def shown_with(overlay: Path) -> tuple[Path, ...]:
    """What an overlay stands behind in the first command of its head, and the overlay."""
    found = map(configs_in, commands_in_head(overlay))
    return next(configs for configs in found if overlay in configs)


def sized(configs: Sequence[Path], size: Path) -> list[Path]:
    """The same small: a size stands behind the base, before what is a method."""
    return [configs[0], size, *configs[1:]]


def words_of(configs: Sequence[Path]) -> list[str]:
    return [word for config in configs for word in ("--config", str(config))]


def name_of(configs: Sequence[Path]) -> str:
    """The name of the run folder, and of the method in a report."""
    return "+".join(config.stem for config in configs)


def resolved(configs: Sequence[Path]) -> dict[str, Any]:
    """Returns what the parser makes of them together."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "LightningCLI's args parameter")  # of pytest's own words
        config: dict[str, Any] = config_of(words_of(configs)).as_dict()
    return config
