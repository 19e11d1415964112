"""Which file a prediction goes to, and what is written there."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np
from jaxtyping import Shaped

from datamodules.disk.images import write_png
from datamodules.predictions.codes import Normals, Shares

Encode: TypeAlias = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Encoding:
    """One task's files.

    Attributes:
        file: Path below the format's folder, with `{name}` for the sample's name, and with the
            names of the groups of the format's `pattern`.
        encode: From a map as readers give it, `[height, width, ...]`, to the pixels of a PNG.
    """

    file: str
    encode: Encode


@dataclass(frozen=True)
class PredictionFormat:
    """The files that hold predictions in a dataset's submission or original format.

    Attributes:
        encodings: By task.
        folder: The folder that the files go to, in the run's folder.
        pattern: What names of samples look like, where files are named after parts of them.
    """

    encodings: Mapping[str, Encoding]
    folder: str = "submission"
    pattern: re.Pattern[str] = field(default=re.compile(".*"))

    @property
    def tasks(self) -> frozenset[str]:
        """The tasks that there are files for."""
        return frozenset(self.encodings)

    def file(self, name: str, task: str) -> Path:
        """Where a sample's prediction goes, below the format's folder."""
        match = self.pattern.fullmatch(name)
        if match is None:
            raise ValueError(
                f"`name` of a sample should have the form {self.pattern.pattern}, found {name!r}:"
                " its files would not be found under the names that the dataset gives them."
            )
        file = self.encodings[task].file.format(name=name, **match.groupdict())
        if set("\\\0") & set(file) or {"", ".", ".."} & set(file.split("/")):
            raise ValueError(
                "`name` of a sample should be a relative path with `/` that stays in its folder,"
                f" found {name!r}, whose prediction would go to {file!r}."
            )
        return Path(file)

    def write(
        self, folder: Path, name: str, task: str, prediction: Shaped[np.ndarray, "..."]
    ) -> None:
        """Write one prediction, whole or not at all.

        Args:
            folder: That of the format.
            name: The sample.
            task: One of `tasks`.
            prediction: In the units of the labels, channels first as in a batch.
        """
        pixels = prediction if prediction.ndim == 2 else np.moveaxis(prediction, 0, -1)
        if pixels.shape[2:] == (1,):
            pixels = pixels[..., 0]
        file = folder / self.file(name, task)
        if not file.parent.resolve().is_relative_to(folder.resolve()):
            raise ValueError(
                f"A prediction should stay in `{folder}`, found a link on the way to `{file}` that"
                " leads out of it: remove the link."
            )
        write_png(file, self.encodings[task].encode(pixels))


NORMALS = Encoding("normals/{name}_normals.png", Normals())
EDGES = Encoding("edges/{name}_edges.png", Shares())
"""Of a dataset that does not ship them: as Taskonomy keeps them."""
