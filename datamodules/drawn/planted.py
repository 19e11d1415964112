"""Tasks whose relations are planted: drawn fields, mixed in known proportions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datamodules.drawn.rendered import Reader, RenderedDataModule, scene_random
from datamodules.geometry import RandomFlip
from datamodules.labels import Labels
from datamodules.transforms import Sample, Transform

SHOWN = 3  # red, green and blue; one field more is hidden
WAVES = 6  # per field: near enough to a normal distribution
CYCLES = (1.0, 3.0)  # per image
CONTRAST, GRAIN = 0.15, 0.05  # in the image: of the fields, of each pixel's noise
LABEL_NOISE = 0x1ABE1  # keeps its random numbers apart from those of the fields
REST = 1 / 0.3  # κ/ρ of TROA's defaults


def mixed(
    red: float = 0.0, green: float = 0.0, blue: float = 0.0, hidden: float = 0.0
) -> np.ndarray:
    """Roots of the shares of variance that the four fields have in a task."""
    return np.sqrt([red, green, blue, hidden])


MIXTURES: Mapping[str, np.ndarray] = {
    "base": mixed(red=1.0),
    "copy": -1.5 * mixed(red=1.0),
    "share90": mixed(red=0.9, green=0.1),
    "share75": mixed(red=0.75, blue=0.25),
    "share50": mixed(red=0.5, green=0.5) * (1, -1, 1, 1),
    "share25": mixed(red=0.25, green=0.75),
    "apart": mixed(blue=1.0),
    "noise": mixed(hidden=1.0),
}
OFFSETS: Mapping[str, float] = {"copy": 0.5}


class Planted(RenderedDataModule):
    """Eight regression tasks whose relations to each other are known exactly.

    - Source: drawn; no download, no licence to heed. Four smooth fields are independent, with mean
      0 and variance 1 at every pixel: sums of waves with random directions and phases. The image
      shows three of them, one per colour channel, under a little noise; nothing shows the fourth.
    - Tasks: each a sum of fields. `base` is the red one and `copy` is 0.5 − 1.5·base. `share90`,
      `share75`, `share50` and `share25` have that share of their variance from `base`, the rest
      from green or blue. `apart` is the blue one. `noise` is the hidden one: no network can do
      better than its mean. A label is known at every pixel.
    - Relation of two tasks: the squared correlation of their labels (`relations`). It does not
      change when a task is scaled or turned round, like the cosine of two tasks' gradients behind
      linear heads: the product of the correlation of the errors and the cosine of the heads.
    - Splits: as many samples as asked for; sample i of a split depends on (`scene_seed`, split, i)
      only, and splits never share a sample.
    - Augmentation of training samples: mirrored. Colours stay, since they are the labels.

    Note:
        Gradients know of a task what is still to be learned. Without a veil that is soon only what
        the network makes wrong in all colours alike, and S shows that beside the planted relations.

    Args:
        image_size: Height and width in pixels.
        val: Number of validation samples.
        veil: Share of each colour's variance that is another smooth field, of no task. So even a
            perfect network errs, by as much in each field and independently.
        label_noise: Standard deviation of a smooth error in the training labels, in units of the
            task's own and independent from task to task, so that related tasks have something to
            learn from each other.
        cache: Folder in which drawn splits are kept, or null to draw at every access, which takes
            a millisecond or two.
        batch_size: Samples per batch and rank.
        workers: Worker processes per loader; 0 loads, and draws, in this process.
        options: What all drawn datasets take, see `RenderedDataModule`.
    """

    offers: tuple[str, ...] = tuple(MIXTURES)

    def __init__(
        self,
        image_size: tuple[int, int] = (64, 64),
        val: int = 50,
        veil: float = 0.3,
        label_noise: float = 0.0,
        cache: str | Path | None = None,
        batch_size: int = 8,
        workers: int = 1,
        **options: Any,
    ) -> None:
        super().__init__(
            image_size=image_size,
            val=val,
            cache=cache,
            batch_size=batch_size,
            workers=workers,
            **options,
        )
        if not 0 <= veil < 1:
            raise ValueError(f"`veil` should be a share from 0 to below 1, found {veil}.")
        if not 0 <= label_noise < np.inf:
            raise ValueError(f"`label_noise` should be a number from 0, found {label_noise}.")
        self.veil, self.label_noise = float(veil), float(label_noise)

    @property
    def labels(self) -> dict[str, Labels]:
        return {}

    @property
    def settings(self) -> dict[str, str]:
        return {
            "kind": "planted",
            "veil": f"veil{self.veil:g}",
            "noise": f"noise{self.label_noise:g}",
        }

    def default_augment(self) -> Sequence[Transform]:
        return [RandomFlip()]

    def drawer(self, split: str) -> Reader:
        noise = self.label_noise if split == "train" else 0.0
        return DrawnFields(self.image_size, self.scene_seed, split, self.veil, noise)

    @staticmethod
    def relations() -> dict[str, Any]:
        """The planted relations in the form of a run's `affinity.json`.

        `similarity` holds the squared correlation of each pair of tasks, `omega` where TROA with
        its default settings would come to rest if that were S: softmax((κ/ρ)·S), row by row.
        """
        tasks = list(MIXTURES)
        directions = np.stack([mix / np.linalg.norm(mix) for mix in MIXTURES.values()])
        similarity = (directions @ directions.T) ** 2
        weights = np.exp(REST * similarity)
        return {
            "affinity": "Planted",
            "tasks": tasks,
            "similarity": similarity.round(6).tolist(),
            "observations": np.ones_like(similarity, int).tolist(),
            "omega": (weights / weights.sum(1, keepdims=True)).round(6).tolist(),
            "settings": {},
        }


@dataclass(frozen=True)
class DrawnFields:
    """Draws sample `index` of a split."""

    size: tuple[int, int]
    seed: int
    split: str
    veil: float
    label_noise: float

    def __call__(self, index: int, tasks: Sequence[str]) -> Sample:
        random = scene_random(self.seed, self.split, index)
        fields = smooth_fields(random, SHOWN + 1, self.size)
        before = smooth_fields(random, SHOWN, self.size)
        seen = np.sqrt(1 - self.veil) * fields[:SHOWN] + np.sqrt(self.veil) * before
        shades = 0.5 + CONTRAST * seen.transpose(1, 2, 0)
        shades += GRAIN * random.standard_normal(shades.shape)
        image = (255 * shades).round().clip(0, 255).astype(np.uint8)
        return {"image": image} | {task: self._label(task, fields, index) for task in tasks}

    def _label(self, task: str, fields: np.ndarray, index: int) -> np.ndarray:
        label = np.tensordot(MIXTURES[task], fields, 1) + OFFSETS.get(task, 0.0)
        if self.label_noise:
            # Of its own for each task, whichever others are asked for.
            key = [LABEL_NOISE, self.seed, index, list(MIXTURES).index(task)]
            error = smooth_fields(np.random.default_rng(key), 1, self.size)[0]
            label += self.label_noise * np.linalg.norm(MIXTURES[task]) * error
        return label.astype(np.float32)


def smooth_fields(random: np.random.Generator, count: int, size: tuple[int, int]) -> np.ndarray:
    """Independent fields `[count, height, width]` of mean 0 and variance 1 at every pixel.

    √(2/K)·Σ_k cos(a_k·y + b_k·x + φ_k) with K waves: the phases φ are uniform, so no pixel and no
    pair of fields has another mean or covariance.
    """
    shape = (count, WAVES, 1)
    length = 2 * np.pi * random.uniform(*CYCLES, shape)
    angle, phase = random.uniform(0, 2 * np.pi, (2, *shape))
    down, right = ((np.arange(pixels) + 0.5) / pixels for pixels in size)
    rows = length * np.sin(angle) * down
    columns = length * np.cos(angle) * right + phase
    # cos(r + c) = cos r · cos c - sin r · sin c, which needs no cosine per pixel.
    waves = np.einsum("fkh,fkw->fhw", np.cos(rows), np.cos(columns))
    waves -= np.einsum("fkh,fkw->fhw", np.sin(rows), np.sin(columns))
    return np.sqrt(2 / WAVES) * waves
