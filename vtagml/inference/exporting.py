"""Writes a trained network into a file of its own, and compares the file with the original."""

import inspect
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from vtagml.backbone import STRIDES
from vtagml.inference.agreement import difference, probe_images
from vtagml.inference.baked import InferenceForm
from vtagml.inference.free_place import check_free
from vtagml.inference.onnx_file import is_onnx, onnx_file, quiet, run_onnx
from vtagml.inference.predictor import Predictor
from vtagml.inference.torch_export_file import (
    FORMAT,
    is_torch_export,
    run_torch_export,
    torch_export_file,
)
from vtagml.run_folder import write_whole
from vtagml.tasks import Task
from vtagml.versions import versions

TOLERANCE = 1e-4
KINDS = {
    "onnx": (onnx_file, run_onnx, is_onnx),
    "torch_export": (torch_export_file, run_torch_export, is_torch_export),
}
"""How each kind of file is written, run, and known as written here."""


class Exported(NamedTuple):
    """What was written.

    Attributes:
        size: Height and width of the images that the file takes.
        megabytes: Size of the file in MiB.
        differences: By task, the largest difference to the original.
    """

    size: tuple[int, int]
    megabytes: float
    differences: Mapping[str, float]


def export_network(
    predictor: Predictor,
    path: Path,
    to: str = "onnx",
    size: tuple[int, int] | None = None,
    dynamic_batch: bool = False,
    tolerance: float = TOLERANCE,
) -> Exported:
    """Writes the inference form of a predictor's network if it predicts what the original does.

    The input `image` is float32 RGB in [0, 1], `[batch, 3, height, width]`, standardised inside;
    an output per task has its name and units. The size of the image is fixed, as windows and masks
    are laid out for it. Stretching to a photo's own size is not part of it.

    Args:
        predictor: The trained network, on the CPU.
        path: The file.
        to: Its kind, `onnx` or `torch_export`.
        size: Height and width of the image; by default those of the training.
        dynamic_batch: Whether any number of images can be given at once, instead of one.
        tolerance: Largest difference to the original (`agreement.difference`); beyond it there is
            an error and no file.
    """
    write, run, made = KINDS[to]
    check_free(path, f"export --to {to}", made)
    size = _checked(predictor, size or predictor.image_size)
    about = description(predictor, size, dynamic_batch)
    with quiet():
        form = InferenceForm(predictor.module.network, predictor.tasks, size)
        content = write(form, about, None if dynamic_batch else 1)
        images = list(probe_images((1, 3) if dynamic_batch else (1,), size))
        differences = compared(predictor, images, run(content, images))
    worst = max(differences, key=lambda name: differences[name])
    if not differences[worst] <= tolerance:
        raise ValueError(
            f"The exported network must predict what the original does, within {tolerance:g}; "
            f"found a difference of {differences[worst]:.3g} in {worst}, so nothing was written. "
            "Another version of torch or onnxruntime may do, or a larger `--tolerance`."
        )
    write_whole(path, content)
    return Exported(size, len(content) / 2**20, differences)


@torch.no_grad()
def compared(
    predictor: Predictor, images: Iterable[Tensor], found: Iterable[Mapping[str, Tensor]]
) -> dict[str, float]:
    """Returns the largest difference of every task to what the original finds in the images."""
    worst = dict.fromkeys(predictor.tasks, 0.0)
    for image, predictions in zip(images, found, strict=True):
        maps = predictor.module.network(image)
        for name, task in predictor.tasks.items():
            worst[name] = max(worst[name], difference(task, maps[name], predictions[name]))
    return worst


def description(
    predictor: Predictor, size: tuple[int, int], dynamic_batch: bool
) -> dict[str, object]:
    """Returns what stands in the file beside the network."""
    omega = predictor.module.network.affinity.omega.tolist()
    batch = "any" if dynamic_batch else 1
    image = {"values": "RGB in [0, 1], float32", "shape": [batch, 3, *size]}
    return {
        "format": FORMAT,
        "image": image,
        "tasks": {name: _about_task(task) for name, task in predictor.tasks.items()},
        "omega": omega,
        "checkpoint": None if predictor.origin is None else dict(predictor.origin),
        "versions": versions(),
    }


def _about_task(task: Task) -> dict[str, object]:
    # The first line of a task's docstring says what its numbers are, with the unit.
    meaning = (inspect.getdoc(type(task)) or type(task).__name__).splitlines()[0]
    classes = [name for name, _ in task.legend()]
    return {"task": type(task).__name__, "meaning": meaning, "classes": classes or None}


def _checked(predictor: Predictor, size: tuple[int, int]) -> tuple[int, int]:
    if predictor.device.type != "cpu":
        raise ValueError(
            f"`predictor` must be on the CPU to be exported, found it on {predictor.device}: "
            'vtagml.load(…, device="cpu").'
        )
    if any(side < STRIDES[-1] or side % STRIDES[-1] for side in size):
        raise ValueError(
            f"`--image-size` must be a height and a width divisible by {STRIDES[-1]}, found "
            f"{size[0]} x {size[1]}."
        )
    return size
