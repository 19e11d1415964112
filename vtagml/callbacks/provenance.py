"""What produced a result: command, versions, commit, data, model, machine."""

import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any

import torch
from lightning import LightningDataModule, Trainer
from torch import Tensor, nn

from vtagml.callbacks.kept_files import is_trial
from vtagml.constructors import arguments
from vtagml.module import MultitaskModule
from vtagml.parameter_roles import Count, counts
from vtagml.versions import versions

GIT_SECONDS = 10
CPU_INFORMATION = Path("/proc/cpuinfo")


def provenance(trainer: Trainer, module: MultitaskModule) -> dict[str, Any]:
    """Returns everything that is known about where a result comes from; never fails for lack."""
    datamodule = getattr(trainer, "datamodule", None)
    network = module.network
    parameters = sum(counts(network).values(), Count())
    seed = os.environ.get("PL_GLOBAL_SEED")
    return {
        "command": command(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(Path.cwd()),
        "versions": versions(),
        "hardware": hardware(module.device, trainer.world_size),
        "precision": str(trainer.precision),
        "seed": int(seed) if seed is not None else None,
        "checkpoint": trainer.ckpt_path,
        "augmented_testing": module.evaluation.views.settings,
        "fast_dev_run": is_trial(trainer),
        "data": None if datamodule is None else data(datamodule),
        "backbone": backbone(network.encoder),
        "encoder": class_name(network.encoder),
        "decoders": class_name(network.decoders),
        "affinity": settings(network.affinity),
        "tasks": {name: settings(task) for name, task in module.tasks.items()},
        "parameters": {"trainable": parameters.trained, "total": parameters.stored},
    }


def command() -> str:
    return shlex.join(sys.argv)


def commit(folder: Path) -> dict[str, Any] | None:
    """Returns the git commit of a folder and whether files differ from it; None without git."""
    try:
        head = _git(folder, "rev-parse", "HEAD")
        return {"hash": head, "dirty": bool(_git(folder, "status", "--porcelain"))}
    except (OSError, subprocess.SubprocessError):
        return None


def hardware(device: torch.device, world_size: int) -> dict[str, Any]:
    """Returns the name of the device, how many processes, and the threads of the CPU."""
    on_cuda = device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(device) if on_cuda else processor(CPU_INFORMATION),
        "type": device.type,
        "processes": world_size,
        "cpu_threads": torch.get_num_threads(),
    }


def processor(information: Path) -> str:
    """Returns the model of the CPU as Linux tells it, elsewhere what Python knows."""
    if information.is_file():
        for line in information.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def data(datamodule: Any) -> dict[str, Any]:
    """Returns the class of a datamodule and its settings.

    Those it kept with `save_hyperparameters`, else its attributes named as constructor arguments.
    """
    kept: dict[str, Any] = dict(getattr(datamodule, "hparams", None) or {})
    if not kept:
        names = arguments(type(datamodule))
        kept = {name: getattr(datamodule, name) for name in names if hasattr(datamodule, name)}
    described = {name: _described(value) for name, value in kept.items()}
    return {"class": class_name(datamodule), "settings": described}


def backbone(encoder: nn.Module) -> dict[str, Any] | None:
    """Returns architecture and weights of an encoder's backbone, None where there is none."""
    several = getattr(encoder, "backbones", None)  # copies of one, a task each
    first = next(iter(several.values())) if several else getattr(encoder, "backbone", None)
    if first is None:
        return None
    names = ("architecture", "weights", "image_size", "frozen")
    return {"class": class_name(first), **{name: getattr(first, name, None) for name in names}}


def settings(thing: object) -> dict[str, Any]:
    """Returns the class of an object and its public settings, nested objects likewise."""
    own = getattr(thing, "settings", None)
    if not isinstance(own, Mapping):
        own = {name: value for name, value in vars(thing).items() if not name.startswith("_")}
    described = {name: _described(value) for name, value in own.items()}
    return {"class": class_name(thing), **described}


def _described(value: Any) -> Any:
    if isinstance(value, LightningDataModule):  # of two domains, each with its own settings
        return data(value)
    if isinstance(value, Path | Enum | Tensor | Mapping):
        return value
    if isinstance(value, list | tuple):
        return [_described(item) for item in value]
    if isinstance(value, type) or callable(value):
        return getattr(value, "__qualname__", class_name(value))
    return settings(value) if hasattr(value, "__dict__") else value


def class_name(thing: object) -> str:
    return type(thing).__name__


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=GIT_SECONDS,
        check=True,
    )
    return done.stdout.strip()
