"""`predict`: on an experiment's own data, or on images of one's own."""

from collections.abc import Sequence


def run_predict(words: Sequence[str]) -> None:
    """Runs `lightning predict`; with `--images` there is no config of one's own."""
    if any(word.partition("=")[0] == "--images" for word in words):
        from vtagml.commands.own_images import run_images as run
    else:
        from vtagml.experiment import run_predict as run
    run(words)
