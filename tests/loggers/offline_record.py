"""What W&B wrote offline, read back: a file of protocol buffers in LevelDB's log format."""

import json
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wandb.proto.wandb_internal_pb2 import Record

FILE_HEADER, BLOCK, HEADER = 7, 32768, 7
SECONDS = 60
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4


def parts(folder: Path) -> list[Path]:
    """The folders of a run's parts, one for each time that it was taken up."""
    return sorted((folder / "wandb").glob("offline-run-*"))


def records(part: Path) -> list[Any]:
    """All records, the last of which says that the run has ended: W&B's service may lag behind."""
    until = time.monotonic() + SECONDS
    while True:
        found = [
            Record.FromString(each)
            for file in part.glob("*.wandb")
            for each in _contents(file.read_bytes())
        ]
        if any(each.HasField("exit") for each in found):
            return found
        assert time.monotonic() < until, f"{part} has no end"
        time.sleep(0.05)


def _contents(data: bytes) -> Iterator[bytes]:
    place, joined = FILE_HEADER, b""
    while place + HEADER <= len(data):
        if (
            BLOCK - place % BLOCK < HEADER
        ):  # a header is never split: the rest of the block is empty
            place += BLOCK - place % BLOCK
            continue
        length, kind = struct.unpack("<HB", data[place + 4 : place + HEADER])
        if kind not in (FULL, FIRST, MIDDLE, LAST) or place + HEADER + length > len(data):
            return  # the rest is still being written
        joined += data[place + HEADER : place + HEADER + length]
        place += HEADER + length
        if kind in (FULL, LAST):
            yield joined
            joined = b""


def run_id(part: Path) -> str:
    return next(each.run.run_id for each in records(part) if each.HasField("run"))


def history(part: Path) -> list[dict[str, Any]]:
    return [_items(each.history.item) for each in records(part) if each.HasField("history")]


def logged(part: Path) -> dict[str, Any]:
    """The last value under each key."""
    return {key: value for row in history(part) for key, value in row.items()}


def config(part: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in records(part):
        for update in ([each.run.config] if each.HasField("run") else []) + (
            [each.config] if each.HasField("config") else []
        ):
            found |= _items(update.update)
    return found


def summary(part: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in records(part):
        if each.HasField("summary"):
            found |= _items(each.summary.update)
    return found


def artifacts(part: Path) -> list[Any]:
    return [
        each.request.log_artifact.artifact if each.HasField("request") else each.artifact
        for each in records(part)
        if each.HasField("artifact") or each.request.HasField("log_artifact")
    ]


def _items(items: Any) -> dict[str, Any]:
    """By key; a picture or a table is a dict of its own."""
    found: dict[str, Any] = {}
    for each in items:
        key, *inner = list(each.nested_key) or [each.key]
        value = json.loads(each.value_json)
        if inner:
            found.setdefault(key, {})["/".join(inner)] = value
        else:
            found[key] = value
    return found
