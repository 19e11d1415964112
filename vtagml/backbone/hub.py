"""Whether weights are to be had from the hub, found out before a client waits for it."""

import os
from collections.abc import Callable
from queue import Empty, Queue
from threading import Thread

import timm
from huggingface_hub import get_hf_file_metadata, hf_hub_url, try_to_load_from_cache
from huggingface_hub.utils import EntryNotFoundError

FILES = ("model.safetensors", "pytorch_model.bin")
"""What timm asks for, in this order."""
PATIENCE = 4.0
"""Seconds without an answer after which the hub is out of reach; its own variable has its say."""


def check_hub(architecture: str) -> None:
    """Raise an error if a network's weights are neither on this disk nor to be had.

    The hub's own client asks for each of two files six times, with a warning each time, for a
    minute in all. Here one question is asked once; where there is an answer, timm goes on.

    Raises:
        ConnectionError: The hub does not answer, or refuses.
    """
    settings = timm.get_pretrained_cfg(architecture)
    if settings is None or not settings.hf_hub_id:
        return  # unknown, or kept elsewhere: timm says so
    place, _, revision = settings.hf_hub_id.partition("@")
    names = [settings.hf_hub_filename] if settings.hf_hub_filename else FILES
    kept = (try_to_load_from_cache(place, name, revision=revision or None) for name in names)
    if any(isinstance(file, str) for file in kept):
        return
    patience = float(os.environ.get("HF_HUB_ETAG_TIMEOUT", PATIENCE))
    url = hf_hub_url(place, names[0], revision=revision or None)
    try:
        _within(patience, lambda: get_hf_file_metadata(url, timeout=patience))
    except EntryNotFoundError:
        return  # an answer: timm asks for the file's other name
    except Exception as error:  # of the hub, or of the library that its release asks with
        reason = str(error).partition("\n")[0].rstrip(".") or type(error).__name__
        raise ConnectionError(reason) from error


def _within(seconds: float, ask: Callable[[], object]) -> None:
    """Ask, and raise what that raises, but wait no longer than this.

    A timeout of a library holds for each of a server's addresses, and not for its name.
    """
    outcomes: Queue[Exception | None] = Queue()

    def run() -> None:
        try:
            ask()
            outcomes.put(None)
        except Exception as error:
            outcomes.put(error)

    Thread(target=run, daemon=True).start()
    try:
        outcome = outcomes.get(timeout=seconds)
    except Empty:
        raise TimeoutError(f"no answer within {seconds:g} seconds") from None
    if outcome is not None:
        raise outcome
