import pytest

from vtagml.attempt import Attempt


def fail(attempt: Attempt) -> None:
    with attempt():
        raise OSError("full")


def test_an_attempt_warns_once_and_goes_on() -> None:
    attempt = Attempt("The picture")
    with pytest.warns(UserWarning, match=r"The picture could not be made.*OSError: full"):
        fail(attempt)
    fail(attempt)  # Warnings are errors here: this one is silent.


def test_an_attempt_lets_interruptions_through() -> None:
    with pytest.raises(KeyboardInterrupt), Attempt("The picture")():
        raise KeyboardInterrupt
