"""A command from a function: its words, its options, its help."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from vtagml.commands import COMMANDS
from vtagml.commands.command import Command, File, Key

GIVEN: list[Any] = []


def shelve(
    book: str,
    *pages: Annotated[Path, "PAGE"],
    to: Literal["left", "right"] = "left",
    mark: Sequence[str] = (),
    size: tuple[int, int] | None = None,
    with_: tuple[str, ...] = (),
    list_file: File | None = None,
    accelerator: Annotated[str, "--trainer.accelerator"] = "auto",
    dry_run: bool = False,
) -> None:
    """Puts a book on a shelf.

    It is 100 % safe.

    Args:
        book: Its title,
            on two lines.
        to: Where.

    Example:
        lightning shelve Emma
    """
    GIVEN.append((book, pages, to, mark, size, with_, list_file, accelerator, dry_run))


def run(*keys: Key, must: int) -> None:
    """Runs.

    Example:
        lightning run --must 1
    """
    GIVEN.append((keys, must))


SHELVE, RUN = Command("shelve", shelve), Command("run", run)


@pytest.fixture(autouse=True)
def _nothing_given() -> None:
    GIVEN.clear()


def test_defaults_are_the_functions() -> None:
    SHELVE(["Emma"])
    assert GIVEN == [("Emma", (), "left", (), None, (), None, "auto", False)]


def test_every_kind_of_option_between_the_words() -> None:
    line = "Emma --to right p1 --mark a --mark b --size 2 3 --with x y --list-file=l p2 --dry-run"
    SHELVE([*line.split(), "--trainer.accelerator", "cpu"])
    pages, listed = (Path("p1"), Path("p2")), Path("l")
    expected = ("Emma", pages, "right", ("a", "b"), (2, 3), ("x", "y"), listed, "cpu", True)
    assert [expected] == GIVEN


def test_keys_of_a_config_are_handed_on_in_their_order() -> None:
    words = ["--config", "a.yaml", "--must=2", "--data.size=[6, 4]", "--lr", "-1e-3", "--help"]
    RUN(words)
    assert [((*words[:2], *words[3:]), 2)] == GIVEN


@pytest.mark.parametrize(
    ("command", "words", "said"),
    [
        (SHELVE, [], "`NAME` must be given, found none: `lightning shelve Emma`."),
        (SHELVE, ["Emma", "--marks", "a"], "no option of `shelve`.*Did you mean `--mark`"),
        (SHELVE, ["Emma", "--to", "up"], "invalid choice: 'up'"),
        (SHELVE, ["Emma", "--size", "2", "x"], "invalid int value: 'x'"),
        (RUN, ["--config=a"], "`--must` must be given, found none: `lightning run --must 1`."),
    ],
)
def test_mistakes_are_errors_with_what_helps(command: Command, words: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        command(words)
    assert GIVEN == []


def test_help_is_the_docstring_and_the_signature() -> None:
    assert SHELVE.summary == "Puts a book on a shelf"
    text = SHELVE.help
    assert text.startswith("example: lightning shelve Emma\n\nusage: lightning shelve [--to ")
    assert "It is 100 % safe." in text
    assert "Its title, on two lines\n" in text
    options = ("--mark NAME", "--size HEIGHT WIDTH", "--list-file FILE", "--trainer.accelerator")
    assert all(f"\n  {each}" in text for each in options)
    assert "Args:" not in text
    assert "--KEY VALUE" in RUN.help


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_each_of_its_options(name: str) -> None:
    command = Command(name)
    assert command.example.startswith(f"lightning {name} ")
    assert len(command.summary) <= 86
    actions = command._parser._actions
    assert all(action.help for action in actions), name
