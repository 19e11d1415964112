"""Kills real training processes, resumes them, and compares what they end with, bit by bit.

`make test-kills` runs `python -m tests.faults.killed_runs --kills 100`.
"""

import argparse
import json
import multiprocessing
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

from vtagml.callbacks.provenance import commit

CONFIG = Path(__file__).with_name("small.yaml")
METHODS = ("vtagml.encoders.Shared", "vtagml.encoders.VTAGML")
STEPS, WRITES = 14, 7
KILLS_OF_A_RUN = 5
LAST = Path("runs/small/checkpoints/last.ckpt")


@dataclass
class Fate:
    """When a process dies: in a step, while it writes a checkpoint, or at some moment."""

    kind: str = "none"
    number: int = 0
    place: str = ""
    share: float = 0.0


@dataclass
class Tally:
    """What happened, for the record."""

    kills: int = 0
    runs: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    resumed_at: Counter[str] = field(default_factory=Counter)
    started_again: int = 0
    partial_files: int = 0
    different: list[str] = field(default_factory=list)


def draw_fate(chance: random.Random) -> Fate:
    kind = chance.choice(("step", "write", "moment"))
    places = ("content", "synced", "named")
    return Fate(
        kind,
        chance.randrange(STEPS if kind == "step" else WRITES),
        chance.choice(places) if kind == "write" else "",
        chance.random(),
    )


def start(folder: Path, method: str, fate: Fate, extra: Sequence[str] = ()) -> BaseProcess:
    """Starts a run, or goes on with it if there is a checkpoint, in a process of its own."""
    # A server that has imported everything forks a clean process in no time.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "vtagml.commands.experiment", "tests.fakes.holes"])
    resume = ["--ckpt_path=last"] if (folder / LAST).exists() else []
    words = ["fit", f"--config={CONFIG}", f"--model.encoder={method}", *resume, *extra]
    process = context.Process(target=_train, args=(folder, words, fate))
    process.start()
    return process


def _train(folder: Path, words: list[str], fate: Fate) -> None:
    import torch

    from vtagml.cli import main

    os.chdir(folder)
    torch.set_num_threads(1)
    log = os.open("log.txt", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    _prepare(fate)
    main(words)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _prepare(fate: Fate) -> None:
    if fate.kind == "step":
        _die_in_step(fate.number)
    elif fate.kind == "write":
        _die_in_write(fate)


def _die_in_step(number: int) -> None:
    from vtagml.module import MultitaskModule

    step, done = MultitaskModule.training_step, 0

    def last_step(self: Any, batch: Any, index: int) -> Any:
        nonlocal done
        if done == number:
            _die()
        done += 1
        return step(self, batch, index)

    MultitaskModule.training_step = last_step  # type: ignore[method-assign]


def _die_in_write(fate: Fate) -> None:
    """Counts the checkpoints that this process writes and dies in one of them."""
    import io

    from vtagml.checkpoints import checkpoint_io

    save, sync, replace = checkpoint_io.torch.save, os.fsync, Path.replace
    written = -1

    def last_save(content: Any, file: BinaryIO) -> None:
        nonlocal written
        written += 1
        if written == fate.number and fate.place == "content":
            buffer = io.BytesIO()
            save(content, buffer)
            file.write(buffer.getvalue()[: int(fate.share * buffer.tell())])
            file.flush()
            _die()
        save(content, file)

    def last_sync(descriptor: int) -> None:
        sync(descriptor)
        if written == fate.number and fate.place == "synced":
            _die()

    def last_replace(self: Path, target: Path) -> Path:
        named = replace(self, target)
        if written == fate.number and fate.place == "named" and target.suffix == ".ckpt":
            _die()
        return named

    checkpoint_io.torch.save = last_save  # type: ignore[assignment]
    os.fsync = last_sync
    Path.replace = last_replace  # type: ignore[method-assign, assignment]


def finish(folder: Path, method: str) -> float:
    """Runs to the end; returns the seconds it took."""
    began = time.monotonic()
    process = start(folder, method, Fate())
    process.join()
    if process.exitcode != 0:
        raise RuntimeError((folder / "log.txt").read_text())
    return time.monotonic() - began


def kill_once(folder: Path, method: str, fate: Fate, seconds: float) -> bool:
    """Runs until the fate comes true; returns whether it did before the end."""
    process = start(folder, method, fate)
    if fate.kind == "moment":
        process.join(fate.share * seconds)
        process.kill()
    process.join()
    if process.exitcode not in (0, -signal.SIGKILL):
        raise RuntimeError((folder / "log.txt").read_text())
    return process.exitcode == -signal.SIGKILL


def kill_runs(kills: int, seed: int, folder: Path) -> Tally:
    """Kills runs until there were so many kills, lets each end, and compares it."""
    import torch

    from tests.fakes.bits import assert_equal, training_state

    chance, tally = random.Random(seed), Tally()
    expected, seconds = {}, {}
    for index, method in enumerate(METHODS):
        whole = folder / f"whole-{index}"
        whole.mkdir()
        seconds[method] = finish(whole, method)
        expected[method] = training_state(whole / LAST)
    while tally.kills < kills:
        method = METHODS[tally.runs % len(METHODS)]
        run = folder / f"killed-{tally.runs}"
        run.mkdir()
        tally.runs += 1
        for _ in range(min(KILLS_OF_A_RUN, kills - tally.kills)):
            fate = draw_fate(chance)
            if not kill_once(run, method, fate, seconds[method]):
                break
            tally.kills += 1
            tally.kinds[f"{fate.kind} {fate.place}".strip()] += 1
            tally.partial_files += len(list(run.rglob("*.partial")))
            if (run / LAST).exists():
                step = torch.load(run / LAST, weights_only=True)["global_step"]
                tally.resumed_at[str(step)] += 1
            else:
                tally.started_again += 1
        finish(run, method)
        try:
            assert_equal(training_state(run / LAST), expected[method])
            assert not list(run.rglob("*.partial")), "a partial file is left"
        except AssertionError as error:
            tally.different.append(f"{run.name} ({method}): {error}")
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--record", type=Path)
    options = parser.parse_args()
    began = time.monotonic()
    with TemporaryDirectory() as folder:
        tally = kill_runs(options.kills, options.seed, Path(folder))
    summary = vars(tally) | {
        "commit": commit(CONFIG.parent),
        "seed": options.seed,
        "seconds": round(time.monotonic() - began),
    }
    text = json.dumps(summary, indent=2, sort_keys=True)
    sys.stdout.write(text + "\n")
    if options.record:
        options.record.write_text(text + "\n")
    sys.exit(1 if tally.different else 0)


if __name__ == "__main__":
    main()
