"""What every sample must fulfil before it may reach a network."""

from collections.abc import Mapping, Sequence

import numpy as np

from datamodules.labels import IGNORE
from datamodules.transforms import Sample


def check_sample(sample: Sample, tasks: Sequence[str], classes: Mapping[str, int]) -> None:
    """Raise an error that names the sample if its image or a label cannot be right.

    Args:
        sample: What a reader gave: arrays as `[height, width, ...]`.
        tasks: Tasks that were asked for.
        classes: Number of classes of each task that has classes.

    Raises:
        ValueError: A task is missing, shapes differ, the image is not finite, a label is infinite
            or has an unknown class id.
    """
    _check_image(sample)
    for task in tasks:
        if task not in sample:
            _fail(sample, f"`{task}` was asked for, the reader gave only {sorted(sample)}")
        label = sample[task]
        _check_shape(sample, task, label)
        if task in classes:
            _check_classes(sample, task, label, classes[task])
        elif np.isinf(label).any():
            found = f"{np.isinf(label).sum()} infinite values"
            _fail(sample, f"`{task}` should be finite, or NaN where unknown, found {found}")


def _check_image(sample: Sample) -> None:
    image = sample["image"]
    if image.ndim != 3 or image.shape[2] != 3:
        _fail(sample, f"`image` should be [height, width, 3], found {image.shape}")
    if np.issubdtype(image.dtype, np.floating):
        broken = image.size - np.isfinite(image).sum()
        if broken:
            _fail(sample, f"`image` should be finite, found {broken} values NaN or infinite")
    elif image.dtype != np.uint8:
        _fail(sample, f"`image` should be uint8 or float, found {image.dtype}")


def _check_shape(sample: Sample, task: str, label: np.ndarray) -> None:
    height, width = sample["image"].shape[:2]
    if label.ndim and label.shape[:2] != (height, width):
        expected = f"the image's {height} x {width} pixels"
        _fail(sample, f"`{task}` should have {expected}, found the shape {label.shape}")


def _check_classes(sample: Sample, task: str, label: np.ndarray, count: int) -> None:
    if not np.issubdtype(label.dtype, np.integer):
        _fail(sample, f"`{task}` should hold integer class ids, found {label.dtype}")
    wrong = label[(label != IGNORE) & ((label < 0) | (label >= count))]
    if wrong.size:
        found = f"{np.unique(wrong)[:5].tolist()} in {wrong.size} places"
        expected = f"class ids below {count}, or {IGNORE} where unknown"
        _fail(sample, f"`{task}` should hold {expected}, found {found}")


def _fail(sample: Sample, problem: str) -> None:
    raise ValueError(
        f"Sample `{sample.get('name', 'without a name')}`: {problem}."
        " Replace this sample's files by intact ones, or leave it out of the split."
    )
