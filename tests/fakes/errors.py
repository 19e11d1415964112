"""How a wrong command ends."""

from collections.abc import Sequence

import pytest

from vtagml.cli import main


def error_of(words: Sequence[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one message that a command ends with; warnings may come before it."""
    with pytest.raises(SystemExit) as stopped:
        main(list(words))
    assert stopped.value.code == 2
    printed = capsys.readouterr().err
    assert "Traceback" not in printed
    assert printed.count("error: ") == 1, printed
    message = printed.partition("error: ")[2]
    assert len(message.splitlines()) <= 12, message
    return message
