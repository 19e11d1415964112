"""Files of a run as damage or malice leaves them: each a function that spoils a whole run."""

import json
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tests.report.run_folders import put

Spoil = Callable[[Path], None]

DEEP = 100_000
HUGE = 10**400
METRICS, CONFIG, AFFINITY = "metrics.json", "config.yaml", "affinity.json"
PARAMETERS, LOG = "parameters.json", "logs/version_0/metrics.csv"
GRID, OF_TASK = "figures/predictions_test.png", "figures/predictions_test/depth.png"
CONFLICTS, COUNTED = "figures/gradient_conflicts.png", "conflicts.json"


def text(file: str, content: str | bytes) -> Spoil:
    encoded = content.encode() if isinstance(content, str) else content
    return lambda run: _replace(run / file).write_bytes(encoded) and None


def cut_off(file: str) -> Spoil:
    def spoil(run: Path) -> None:
        content = (run / file).read_bytes()
        (run / file).write_bytes(content[: len(content) // 2])

    return spoil


def pipe(file: str) -> Spoil:
    return lambda run: os.mkfifo(_replace(run / file))


def link(file: str, target: str) -> Spoil:
    return lambda run: _replace(run / file).symlink_to(target)


def folder(file: str) -> Spoil:
    return lambda run: _replace(run / file).mkdir()


def sparse(file: str) -> Spoil:
    def spoil(run: Path) -> None:
        with _replace(run / file).open("wb") as opened:
            opened.truncate(1 << 40)  # a terabyte that takes no room

    return spoil


def changed(file: str, path: str, value: Any) -> Spoil:
    """One value in JSON or YAML, by dotted path."""

    def spoil(run: Path) -> None:
        content = yaml.safe_load((run / file).read_text(encoding="utf-8"))
        put(content, path, value)
        kept = yaml.safe_dump(content) if file == CONFIG else json.dumps(content)
        (run / file).write_text(kept, encoding="utf-8")

    return spoil


def deflated(file: str) -> Spoil:
    """Flips bits in the midst of compressed content: the container is whole, the stream is not."""

    def spoil(run: Path) -> None:
        content = bytearray((run / file).read_bytes())
        start = content.find(b"IDAT") + 6
        for place in range(start, start + 20):
            content[place] ^= 0xFF
        (run / file).write_bytes(bytes(content))

    return spoil


def png(width: int, height: int) -> bytes:
    """A header of some size, with hardly any content."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        sums = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + sums

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def laughs(levels: int = 40) -> str:
    lines = [f"a{level}: &a{level} [*a{level - 1}, *a{level - 1}]" for level in range(1, levels)]
    return "\n".join(["a0: &a0 [ha, ha]", *lines])


def merges(levels: int = 40) -> str:
    lines = [f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}" for n in range(1, levels)]
    return "\n".join(["a0: &a0 {b: 1, c: 2}", *lines])


def strange_version(run: Path) -> None:
    """A number to `isdigit`, but not to `int`."""
    place = run / "logs" / "version_²"
    place.mkdir()
    (place / "metrics.csv").write_text("step\n")


def without_config(path: str, value: Any) -> Spoil:
    def spoil(run: Path) -> None:
        changed(METRICS, path, value)(run)
        (run / CONFIG).unlink()

    return spoil


def _replace(file: Path) -> Path:
    file.unlink()
    return file


LOG_OF = "step,val/depth/rmse\n{},{}\n"
HISTORY = {"step": 10, "similarity": [[1.0, 0.5], [0.5, 1.0]], "omega": [[0.5, 0.5], [0.5, 0.5]]}

# Results, settings or curves that cannot be used: the run is left out and named.
REFUSED: dict[str, Spoil] = {
    "results: empty": text(METRICS, ""),
    "results: cut off": cut_off(METRICS),
    "results: not UTF-8": text(METRICS, b'{"metrics": "\xff\xfe"}'),
    "results: nested without end": text(METRICS, "[" * DEEP),
    "results: nested deeper than anybody writes": changed(
        METRICS, "provenance.data.settings.a", json.loads("[" * 200 + "]" * 200)
    ),
    "results: a metric of 400 digits": changed(METRICS, "metrics.model.depth.rmse", HUGE),
    "results: a number of 5000 digits": text(METRICS, "1" * 5000),
    "results: a metric that has no square": changed(METRICS, "metrics.model.depth.rmse", 1e308),
    "results: text for a metric": changed(METRICS, "metrics.model.depth.rmse", "small"),
    "results: text for the metrics of a task": changed(METRICS, "metrics.model.depth", "small"),
    "results: a list for the headlines": changed(METRICS, "headline", ["rmse"]),
    "results: a list for `provenance.data`": changed(METRICS, "provenance.data", ["Scenes"]),
    "results: text for `training.steps`": changed(METRICS, "provenance.training.steps", "many"),
    "results: a list for the command": changed(METRICS, "provenance.command", ["fit"]),
    "results: text for `commit`": changed(METRICS, "provenance.commit", "0123456"),
    "results: a number for the settings of a task": changed(METRICS, "provenance.tasks.depth", 7),
    "results: a pipe": pipe(METRICS),
    "results: a link to an endless device": link(METRICS, "/dev/zero"),
    "results: a link to itself": link(METRICS, METRICS),
    "results: a folder": folder(METRICS),
    "results: a terabyte": sparse(METRICS),
    "config: nested without end": text(CONFIG, "a: " + "[" * DEEP),
    "config: a billion laughs": text(CONFIG, laughs()),
    "config: merges that double": text(CONFIG, merges()),
    "config: contains itself": text(CONFIG, "data: &a {init_args: *a}"),
    "config: a tag of Python's": text(CONFIG, "data: !!python/object/apply:os.getcwd []"),
    "config: a list for the trainer": changed(CONFIG, "trainer", ["max_steps"]),
    "config: text for a number": changed(CONFIG, "trainer.accumulate_grad_batches", "two"),
    "config: a number of a megabit": text(CONFIG, "seed_everything: 0x" + "f" * 250_000),
    "config: a pipe": pipe(CONFIG),
    "log: a step that is infinite": text(LOG, LOG_OF.format("1e999", 1)),
    "log: a step of text": text(LOG, LOG_OF.format("first", 1)),
    "log: a value of text": text(LOG, LOG_OF.format(1, "0.9.0")),
    "log: a cell without end": text(LOG, LOG_OF.format(1, "9" * 200_000)),
    "log: a pipe": pipe(LOG),
}
# Strange, but of use: the run keeps its row.
KEPT: dict[str, Spoil] = {
    "command: a quote without its other": changed(METRICS, "provenance.command", "fit --config 'a"),
    "command: markup": changed(METRICS, "provenance.command", "fit --config '<img src=x>[a](b)'"),
    "command: a formula": changed(METRICS, "provenance.command", r"fit --config '$\frac$'"),
    "command: what a terminal obeys": changed(
        METRICS, "provenance.command", "fit --config \x1b[2J"
    ),
    "command: half a letter": changed(METRICS, "provenance.command", "fit --config \ud800"),
    "results: infinity": changed(METRICS, "metrics.model.depth.rmse", float("inf")),
    "results: a list for the batch size": changed(
        METRICS, "provenance.data.settings.batch_size", [16]
    ),
    "results: a list for a seed": changed(METRICS, "provenance.data.settings.seed", [[1]]),
    "results: a checkpoint of an impossible name": without_config(
        "provenance.checkpoint", "a" * 5000 + "/last.ckpt"
    ),
    "config: a list for the seed": changed(CONFIG, "seed_everything", [1]),
    "config: starts from itself": changed(
        CONFIG, "model.init_args.affinity.init_args.initial", "runs/bad/affinity.json"
    ),
    "log: a version that is no number": strange_version,
    "log: a value that is infinite": text(LOG, LOG_OF.format(1, "1e999")),
}
# Of no matter to the table: on the page the part is missing, and all others are there.
PARTS: dict[str, tuple[str, Spoil]] = {
    "log: text for a training loss": ("curves", text(LOG, "step,train/loss\n1,bad\n")),
    "affinities: nested without end": ("affinities", text(AFFINITY, "[" * DEEP)),
    "affinities: a number of 400 digits": ("affinities", changed(AFFINITY, "omega", [[HUGE]])),
    "affinities: text for ω": ("affinities", changed(AFFINITY, "omega", "uniform")),
    "affinities: no task": ("affinities", changed(AFFINITY, "tasks", [])),
    "affinities: tasks without names": ("affinities", changed(AFFINITY, "tasks", [None, None])),
    "affinities: no settings": ("affinities", changed(AFFINITY, "settings", None)),
    "affinities: a row that is short": (
        "affinities",
        changed(AFFINITY, "history", [{**HISTORY, "omega": [[1.0], [0.5, 0.5]]}]),
    ),
    "affinities: a record of nothing": ("affinities", changed(AFFINITY, "history", [None])),
    "affinities: a pipe": ("affinities", pipe(AFFINITY)),
    "parameters: a list": ("parameters", text(PARAMETERS, "[1, 2]")),
    "parameters: text for a count": ("parameters", changed(PARAMETERS, "total.total", "many")),
    "parameters: nested without end": ("parameters", text(PARAMETERS, '{"parts":' * DEEP)),
    "grid: a header of ten billion pixels": ("gallery", text(GRID, png(100_000, 100_000))),
    "grid: a damaged stream": ("gallery", deflated(GRID)),
    "grid: cut off": ("gallery", cut_off(GRID)),
    "grid: no picture": ("gallery", text(GRID, "GIF89a")),
    "grid: a pipe": ("gallery", pipe(GRID)),
    "conflicts: a damaged stream": ("conflicts", deflated(CONFLICTS)),
    "conflicts: counts of no form": ("conflicts", changed(COUNTED, "places.fork.counts", [[1]])),
    "conflicts: a number of 400 digits": ("conflicts", changed(COUNTED, "history", [HUGE])),
    "conflicts: a link to an endless device": ("conflicts", link(COUNTED, "/dev/zero")),
    "parameters: a role of no numbers": ("parameters", changed(PARAMETERS, "roles", {"head": "1"})),
    "picture of a task: a damaged stream": ("gallery", deflated(OF_TASK)),
    "picture of a task: a link to an endless device": ("gallery", link(OF_TASK, "/dev/zero")),
}
