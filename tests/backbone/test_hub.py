"""Weights from the hub: asked for once, and nobody waits for a hub that does not answer."""

import time
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest
import timm
from huggingface_hub.utils import EntryNotFoundError

from vtagml.backbone import PVTv2, Swin, hub

NAME = "swin_tiny_patch4_window7_224"


class Asked(list[str]):
    """The questions that the hub was asked, each answered in the same way."""

    def __init__(self, answer: Callable[[], None]) -> None:
        self.answer = answer

    def __call__(self, url: str, **_: object) -> None:
        self.append(url)
        self.answer()


def fail(error: Exception) -> Callable[[], None]:
    def answer() -> None:
        raise error

    return answer


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], Asked]:
    def answering(answer: Callable[[], None]) -> Asked:
        asked = Asked(answer)
        monkeypatch.setattr(hub, "get_hf_file_metadata", asked)
        return asked

    monkeypatch.setattr(hub, "try_to_load_from_cache", lambda *_, **__: None)
    return answering


@pytest.fixture
def created(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Networks that timm is asked for; it gives none."""
    names: list[str] = []

    def create(name: str, **_: object) -> None:
        names.append(name)
        raise OSError("the hub's own error")

    monkeypatch.setattr(timm, "create_model", create)
    return names


def test_hub_out_of_reach_is_asked_once_and_the_ways_out_are_named(asked, created) -> None:
    questions = asked(fail(RuntimeError("Name or service not known\nand more")))
    with pytest.raises(FileNotFoundError) as error:
        Swin(NAME)
    message = str(error.value)
    assert message.count("\n") == 0
    for part in (f"`{NAME}`", "(Name or service not known)", "Go online", "file", "weights: none"):
        assert part in message
    assert len(questions) == 1
    assert questions[0].endswith("model.safetensors")
    assert created == []


def test_silent_hub_is_not_waited_for(asked, created, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = Event()
    asked(lambda: ended.wait(60) and None)
    monkeypatch.setenv("HF_HUB_ETAG_TIMEOUT", "0.2")
    begun = time.monotonic()
    with pytest.raises(FileNotFoundError, match=r"no answer within 0\.2 seconds.*Go online"):
        PVTv2("pvt_v2_b0")
    assert time.monotonic() - begun < 5
    ended.set()
    assert hub.PATIENCE < 5
    assert created == []


@pytest.mark.parametrize("answer", [lambda: None, fail(EntryNotFoundError("404"))])
def test_hub_that_answers_is_left_to_timm(asked, created, answer: Callable[[], None]) -> None:
    asked(answer)
    with pytest.raises(FileNotFoundError, match=r"the hub's own error"):
        Swin(NAME)
    assert created == [NAME]


def test_weights_on_this_disk_need_no_hub(asked, created, monkeypatch, tmp_path: Path) -> None:
    questions = asked(fail(ConnectionError("offline")))

    def kept(place: str, name: str, revision: str | None) -> str | None:
        return (
            str(tmp_path)
            if (place, name) == (f"timm/{NAME}.ms_in1k", "pytorch_model.bin")
            else None
        )

    monkeypatch.setattr(hub, "try_to_load_from_cache", kept)
    with pytest.raises(FileNotFoundError, match="the hub's own error"):
        Swin(NAME)
    assert questions == []
    assert created == [NAME]


def test_unknown_names_are_no_matter_of_the_hub(asked) -> None:
    asked(fail(ConnectionError("offline")))
    with pytest.raises(ValueError, match=r"`architecture`.*`swin_gigantic`"):
        Swin("swin_gigantic")
    with pytest.raises(ValueError, match=r"`architecture`.*Invalid pretrained tag"):
        Swin(f"{NAME}.nowhere")
