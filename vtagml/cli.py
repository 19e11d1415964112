"""The command line: `lightning COMMAND …`; what a command needs is imported when it runs."""

import sys
from collections.abc import Sequence

from vtagml.commands import COMMANDS
from vtagml.commands.command import Command
from vtagml.commands.messages import fail, one_message
from vtagml.commands.mistakes import did_you_mean
from vtagml.commands.output import lasting_output

HELP = {"-h", "--help", "--help-all"}
USAGE = """\
Multitask dense vision with transformer adapters.

usage: lightning COMMAND --config experiments/NAME.yaml [--config OVERLAY.yaml] [--KEY VALUE …]

commands:
{commands}

examples:
{examples}
  lightning fit --config experiments/scenes_sdne.yaml --trainer.max_steps 50 --data.batch_size 8
  lightning fit --config experiments/scenes_sdne.yaml --ckpt_path last

Any key of a config can be given as --key.sub_key VALUE after it; the last one wins.
`lightning COMMAND --help` names the keys that are changed most, `--help-all` every key.
VTAGML_TRACEBACK=1 shows the traceback of an error.
"""


@lasting_output()
def main(args: Sequence[str] | None = None) -> None:
    """Runs one command.

    Args:
        args: The words after `lightning`; those of the process by default.
    """
    name, *words = (sys.argv[1:] if args is None else args) or ["--help"]
    if name in ("-h", "--help"):
        sys.stdout.write(usage())
        return
    if name not in COMMANDS:
        near = did_you_mean(name, COMMANDS)
        fail(f"`{name}` is no command: expected one of {', '.join(COMMANDS)}.{near}")
    with one_message():
        command = Command(name)
        # Of a command with keys the rest is for the parser, which knows every one of them.
        if words in (["-h"], ["--help"]) or (not command.keys and not HELP.isdisjoint(words)):
            sys.stdout.write(command.help)
        else:
            command(["--help" if word == "--help-all" else word for word in words])


def usage() -> str:
    """Returns what `lightning --help` prints, which the commands say of themselves."""
    commands = [Command(name) for name in COMMANDS]
    return USAGE.format(
        commands="\n".join(f"  {each.name:<9}  {each.summary}" for each in commands),
        examples="\n".join(f"  {each.example}" for each in commands),
    )
