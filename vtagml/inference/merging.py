"""Writes the backbone of a trained run as a plain network of timm, and certifies that it is that.

The tuning is merged in float64, where the merged network must be the trained one but for the last
digits. The file has these weights in float32, rounded once; it is read back and loaded by timm
alone, and what it computes is compared with the trained network again.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from vtagml.encoders import Encoder, Tuned
from vtagml.inference.certificate import (
    ROUNDED,
    Pyramid,
    Tasks,
    check_exact,
    check_rounded,
    described,
    differences,
)
from vtagml.inference.stream import Stream, certificate_of, check_both_free
from vtagml.inference.trained import TrainedRun
from vtagml.inference.validation_images import ComparedOn, validation_images
from vtagml.network import MultitaskNetwork
from vtagml.run_folder import to_json, write_whole
from vtagml.tasks import Classification, Task
from vtagml.versions import versions

SUFFIX = ".safetensors"


class MergedFile(NamedTuple):
    """A file that was written.

    Attributes:
        path: The weights.
        certificate: What stands beside them as JSON.
    """

    path: Path
    certificate: Mapping[str, Any]


@torch.no_grad()
def merge_run(
    run: TrainedRun, out: Path, batches: int = 2, tolerance: float = ROUNDED
) -> list[MergedFile]:
    """Writes a file for each backbone of a run, with its certificate, if it is the trained one.

    Args:
        run: Its encoder is one backbone for all tasks, or one for each or for groups of them.
        out: The file; of several each has the names of its tasks before the suffix.
        batches: Of how many batches of the validation data.
        tolerance: Largest relative difference in float32; beyond it there is an error and no file.
    """
    model = run.model()
    network = model.network.eval()
    streams = _streams(network, out)
    images = validation_images(run, batches, next(iter(streams.values())).trained.image_size)
    exact = differences(
        _trained(deepcopy(network).double(), streams),
        {tasks: stream.exact() for tasks, stream in streams.items()},
        (batch.double() for batch in images.batches),
    )
    check_exact(exact)
    with ExitStack() as unless_refused:
        written = {
            tasks: unless_refused.enter_context(stream.written())
            for tasks, stream in streams.items()
        }
        rounded = differences(_trained(network, streams), written, images.batches)
        check_rounded(rounded, tolerance)
    circumstances = _circumstances(run, network, images)
    files = []
    for tasks, stream in streams.items():
        certificate = {
            **stream.description(images.batches[0][:1]),
            "tasks": tasks,
            "scores": _scores([model.tasks[task] for task in tasks]) if stream.plain.head else {},
            "differences": described(exact[tasks], rounded[tasks], tolerance),
            **circumstances,
        }
        write_whole(certificate_of(stream.file), to_json(certificate))
        files.append(MergedFile(stream.file, certificate))
    return files


def _trained(
    network: MultitaskNetwork, streams: Mapping[Tasks, Stream]
) -> Callable[[Tensor], Mapping[str, Pyramid]]:
    """Returns what computes every task's pyramid, and scores where a plain network has a head."""
    headed = {task for tasks, stream in streams.items() if stream.plain.head for task in tasks}

    def compute(images: Tensor) -> Mapping[str, Pyramid]:
        pyramids = network.encoder(images, network.affinity.omega)
        maps = network.decoders(pyramids, images) if headed else {}
        return {
            task: [*pyramid, maps[task]] if task in headed else pyramid
            for task, pyramid in pyramids.items()
        }

    return compute


def _streams(network: MultitaskNetwork, out: Path) -> dict[Tasks, Stream]:
    """Merges a copy of a network, and returns its backbones by the tasks that read them."""
    trained = _mergeable(network.encoder).whole_backbones()
    exact = deepcopy(network).double()
    encoder = _mergeable(exact.encoder)
    encoder.merge()
    merged = encoder.whole_backbones()
    streams = {}
    for tasks, backbone in trained.items():
        head, file = exact.decoders.plain_head(tasks), _file_of(tasks, out, len(trained))
        check_both_free(file)
        streams[tasks] = Stream(backbone, merged[tasks], head, file)
    return streams


def _mergeable(encoder: Encoder) -> Tuned:
    """Returns the encoder, if it is a backbone or several whose tunings may merge."""
    if isinstance(encoder, Tuned) and encoder.whole_backbones():
        return encoder
    raise ValueError(
        "`--ckpt_path` must be of a run whose encoder is one backbone for all tasks, or one for "
        "each (Shared, Separate, Progressive of `vtagml.encoders`), found "
        f"{type(encoder).__name__}, whose pyramids no plain network makes. `lightning export "
        "--to onnx` writes the whole network for other programs, `lightning export` what trained, "
        "for the same backbone."
    )


def _file_of(tasks: Tasks, out: Path, count: int) -> Path:
    if out.suffix != SUFFIX:
        raise ValueError(f"`--out` must end in `{SUFFIX}`, by which timm knows it, found `{out}`.")
    return out if count == 1 else out.with_suffix(f".{'+'.join(tasks)}{SUFFIX}")


def _scores(tasks: Sequence[Task]) -> dict[str, Any]:
    """Which scores of a head are whose: the place of a task's first class, and all its classes."""
    return {
        task.name: {"first": task.offset, "classes": task.class_names or task.classes}
        for task in tasks
        if isinstance(task, Classification)
    }


def _circumstances(
    run: TrainedRun, network: MultitaskNetwork, images: ComparedOn
) -> dict[str, Any]:
    encoder = _mergeable(network.encoder)
    number = sum(map(len, images.batches))
    compared = {"images": number, "batches": len(images.batches), "of": images.source}
    return {
        "compared_on": compared,
        "encoder": type(encoder).__name__,
        "tuning": type(encoder.tuning).__name__,
        "checkpoint": {"path": str(run.checkpoint), **run.origin},
        "versions": versions(),
    }
