"""Plays the command line: leaves what a run leaves, at once, or fails, breaks off, hangs.

`python stand_in.py FATES.json fit --config …`; imports little, so that tests can start many.
"""

import json
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml


def main() -> int:
    fates = json.loads(Path(sys.argv[1]).read_text())
    words = sys.argv[2:]
    given = dict(word.removeprefix("--").split("=", 1) for word in words if "=" in word)
    folder = Path(given["trainer.default_root_dir"])
    name = "/".join(folder.parts[-2:])
    with Path("started.txt").open("a") as file:
        file.write(f"{name}{' resumed' if given.get('ckpt_path') == 'last' else ''}\n")
    own = fates.get(name, {})
    if own.get("fate") == "fails":
        sys.stdout.write("a line before\nerror: no luck\n")
        return 3
    if words[0] == "fit":
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.yaml").write_text(yaml.safe_dump(resolve(words[1:])))
        (folder / "checkpoints").mkdir(exist_ok=True)
        (folder / "checkpoints" / "last.ckpt").touch()
    if own.get("fate") == "hangs":
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        (folder / "hangs").touch()
        time.sleep(60)
    if own.get("fate") != "leaves nothing":
        leave_metrics(folder, words, fates["template"], own)
    return 0


def resolve(words: Sequence[str]) -> dict[str, Any]:
    """Plays the parser: files over one another, and the other words over them."""
    config: dict[str, Any] = {}
    for place, word in enumerate(words):
        key, equals, value = word.removeprefix("--").partition("=")
        if word == "--config":
            merge(config, yaml.safe_load(Path(words[place + 1]).read_text()))
        elif equals and key != "ckpt_path":
            put(config, key.split("."), yaml.safe_load(value))
    if isinstance(source := config["trainer"].get("callbacks"), dict):
        config["trainer"]["callbacks"] = [{"init_args": source}]
    return config


def merge(content: dict[str, Any], other: dict[str, Any]) -> None:
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(content.get(key), dict):
            merge(content[key], value)
        else:
            content[key] = value


def put(content: dict[str, Any], path: list[str], value: Any) -> None:
    for name in path[:-1]:
        content = content.setdefault(name, {})
        if "init_args" in content and "init_args" not in path:
            content = content["init_args"]
    content[path[-1]] = value


def leave_metrics(folder: Path, words: list[str], content: Any, own: dict[str, Any]) -> None:
    given = dict(word.removeprefix("--").split("=", 1) for word in words if "=" in word)
    content["provenance"]["command"] = " ".join(["vtagml", *words])
    content["provenance"]["date"] = own.get("date", "2026-01-01T00:00:00+00:00")
    content["provenance"]["seed"] = int(folder.name)
    content["provenance"]["checkpoint"] = given.get("ckpt_path")
    content["metrics"]["model"]["depth"]["rmse"] = own.get("rmse", 1.0)
    content["metrics"]["model"]["segmentation"]["miou"] = own.get("miou", 0.5)
    content["provenance"]["data"]["settings"]["layout"] = own.get("layout", "room")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.json").write_text(json.dumps(content))


if __name__ == "__main__":
    sys.exit(main())
