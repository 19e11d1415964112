"""A command: a function whose signature is its options, and whose docstring is its help."""

import inspect
import re
from argparse import SUPPRESS, ArgumentError, ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from importlib import import_module
from inspect import Parameter
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, NoReturn, Union, get_args, get_origin

from vtagml.commands.mistakes import did_you_mean

File = Annotated[Path, "FILE"]
Folder = Annotated[Path, "FOLDER"]
Key = Annotated[str, "--KEY VALUE  as for `lightning fit`: --config FILE, --data.root FOLDER"]

SECTIONS = re.compile(r"^(Args|Example):\n", re.MULTILINE)
ENTRIES = re.compile(r"^    (\w+): ", re.MULTILINE)
WORDS: Mapping[Any, str] = {int: "N", float: "X", Path: "PATH", str: "NAME"}
layout = partial(RawDescriptionHelpFormatter, width=100, max_help_position=26)


class Command:
    """A command of `lightning`, imported when it is asked for.

    The function's parameters are words in their order, those behind a `*` are options: flags, one
    of a `Literal`, a `Sequence` by giving the option again and again, a `tuple` of several words.
    `Annotated` says what stands behind an option in the help, and with dashes what it is called.
    `*keys` of text are the keys of an experiment's config, which the command hands on.

    The docstring begins with the line in the list of commands; `Args:` says what the options are,
    `Example:` what works as it stands.

    Args:
        name: Of the command, of its file here, and of the function in that.
        function: Where it is another one.
    """

    def __init__(self, name: str, function: Callable[..., None] | None = None) -> None:
        self.name = name
        self.function = function or getattr(import_module(f"vtagml.commands.{name}"), name)
        self.parameters = list(inspect.signature(self.function).parameters.values())

    def __call__(self, words: Sequence[str]) -> None:
        """Runs it with the words behind its name."""
        # Words in an order may stand between the options.
        parser = self._parser
        parse = parser.parse_known_args if self.keys else parser.parse_known_intermixed_args
        try:
            namespace, rest = parse(list(words))
        except ArgumentError as error:
            parser.error(str(error))
        if rest and not self.keys:
            raise self._no_option(rest[0])
        given = vars(namespace).items()
        options = {key: tuple(value) if isinstance(value, list) else value for key, value in given}
        ordered: list[Any] = []
        for parameter in self.parameters:
            if parameter.kind is Parameter.POSITIONAL_OR_KEYWORD:
                ordered.append(options.pop(parameter.name))
            elif parameter.kind is Parameter.VAR_POSITIONAL:
                ordered += rest if self.keys else options.pop(parameter.name)
        self.function(*ordered, **options)

    @property
    def summary(self) -> str:
        """Its line in the list of commands."""
        return " ".join(self._sections[""].partition("\n\n")[0].split()).rstrip(".")

    @property
    def example(self) -> str:
        """A command that works as it stands."""
        return self._sections["Example"].strip()

    @property
    def help(self) -> str:
        """What `--help` prints."""
        return f"example: {self.example}\n\n{self._parser.format_help()}"

    @cached_property
    def _sections(self) -> dict[str, str]:
        head, *others = SECTIONS.split(inspect.getdoc(self.function) or "")
        return {"": head.strip(), **dict(zip(others[::2], others[1::2], strict=True))}

    @cached_property
    def keys(self) -> str | None:
        """What to say of the keys of a config, if it takes any."""
        many = {parameter.kind: parameter.annotation for parameter in self.parameters}
        kind, text, *_ = get_args(many.get(Parameter.VAR_POSITIONAL)) or (None, None)
        return text if kind is str else None

    @cached_property
    def _parser(self) -> ArgumentParser:
        prog = f"lightning {self.name}"
        parser = _Parser(
            prog=prog,
            usage=f"{prog} [options] [--KEY VALUE …]" if self.keys else None,
            description=self._sections[""],
            formatter_class=layout,
            add_help=False,
            allow_abbrev=False,
            exit_on_error=False,
        )
        parser.example = self.example
        _, *entries = ENTRIES.split(self._sections.get("Args", ""))
        explained = dict(zip(entries[::2], entries[1::2], strict=True))
        if self.keys:
            parser.add_argument_group("keys", self.keys)
        for parameter in self.parameters:
            if parameter.kind is not Parameter.VAR_POSITIONAL or not self.keys:
                text = " ".join(explained.get(parameter.name, "").split()).rstrip(".")
                _add(parser, parameter, text.replace("%", "%%"))
        return parser

    def _no_option(self, word: str) -> ValueError:
        known = [option for action in self._parser._actions for option in action.option_strings]
        hint = did_you_mean(word.partition("=")[0], known)
        return ValueError(
            f"`{word}` is no option of `{self.name}`: `lightning {self.name.split()[0]} --help` "
            f"names them.{hint}"
        )


class _Parser(ArgumentParser):
    """Ends in one message, never in the process's end."""

    example = ""

    def error(self, message: str) -> NoReturn:
        missing = message.partition("required: ")[2].split(", ")[0]
        if missing:
            raise ValueError(f"`{missing}` must be given, found none: `{self.example}`.")
        raise ValueError(f"`{self.prog}`: {message}.")


def _add(parser: ArgumentParser, parameter: Parameter, text: str) -> None:
    settings = {"help": text} | _settings(parameter.annotation)
    if parameter.kind is not Parameter.KEYWORD_ONLY:
        settings |= {"nargs": "*"} if parameter.kind is Parameter.VAR_POSITIONAL else {}
        parser.add_argument(parameter.name, **settings)
        return
    parser.add_argument(
        settings.pop("name", "--" + parameter.name.strip("_").replace("_", "-")),
        dest=parameter.name,
        default=SUPPRESS,  # the function has it
        required=parameter.default is Parameter.empty,
        **settings,
    )


def _settings(kind: Any) -> dict[str, Any]:
    """Returns what argparse has to know of an annotation."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        names = {"name" if word.startswith("--") else "metavar": word for word in parts[1:]}
        return _settings(parts[0]) | names
    if origin is Literal:
        return {"choices": parts}
    if origin is Sequence:
        return {**_settings(parts[0]), "action": "append"}
    if origin is tuple and parts[-1] is ...:
        return {**_settings(parts[0]), "action": "extend", "nargs": "+"}
    if origin is tuple:
        sides = ("HEIGHT", "WIDTH") if parts == (int, int) else None
        return {**_settings(parts[0]), "nargs": len(parts), **({"metavar": sides} if sides else {})}
    if origin in (UnionType, Union):
        return _settings(parts[0])  # or None
    return {"action": "store_true"} if kind is bool else {"type": kind, "metavar": WORDS[kind]}
