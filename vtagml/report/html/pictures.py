"""Pictures of a page: within a budget, and it is said what was shrunk or left out."""

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from vtagml.drawing import read_tiles
from vtagml.run_files import is_there, read_picture
from vtagml.run_folder import RunFolder

BUDGET = 12 << 20  # Bytes of pictures in a page, shared by its runs.
WIDEST, SMALLEST = 1800, 200  # Pixels of whole grids and figures, and of tiles at the least.
SHRINK = 0.75
QUALITY = 88  # Of JPEG.
SPLITS = ("test", "val")
GRID = re.compile(r"predictions_(?:test|val(?:_epoch_(\d+))?)\.png")


@dataclass
class Budget:
    """What a page may still spend on pictures, and what it did.

    Attributes:
        left: Bytes.
        shown: How many pictures.
        shrunk: How many of them are smaller than their files.
        left_out: How many had no room.
    """

    left: int
    shown: int = 0
    shrunk: int = 0
    left_out: int = 0

    def __add__(self, other: "Budget") -> "Budget":
        return Budget(*map(sum, zip(astuple(self), astuple(other), strict=True)))

    def spend(self, picture: Image.Image, widest: int = WIDEST) -> dict[str, Any] | None:
        """Returns a picture as a page has it, shrunk as far as need be; None without room."""
        picture = picture.convert("RGB")
        given = picture.size
        picture.thumbnail((widest, widest), Image.Resampling.LANCZOS)
        while len(content := encoded(picture)) > self.left:
            size = (round(picture.width * SHRINK), round(picture.height * SHRINK))
            if max(size) < SMALLEST:
                self.left_out += 1
                return None
            picture = picture.resize(size, Image.Resampling.LANCZOS)
        self.left -= len(content)
        self.shown += 1
        self.shrunk += picture.size != given
        return {"src": content, "width": picture.width, "height": picture.height}

    @property
    def said(self) -> str:
        """In a sentence."""
        missed = f", {self.left_out} left out for want of room" if self.left_out else ""
        return f"Pictures: {self.shown}, {self.shrunk} of them shrunk{missed}."


def encoded(picture: Image.Image) -> str:
    """Returns a picture as a data URI: PNG, or JPEG where that is less than half as long."""
    png, jpeg = BytesIO(), BytesIO()
    picture.save(png, "PNG", optimize=True)
    picture.save(jpeg, "JPEG", quality=QUALITY)
    small = 2 * jpeg.tell() < png.tell()
    kind, content = ("jpeg", jpeg) if small else ("png", png)
    return f"data:image/{kind};base64,{b64encode(content.getvalue()).decode()}"


def gallery(folder: Path, budget: Budget) -> dict[str, Any]:
    """Returns the predictions of a run one by one, and its whole grids."""
    figures = RunFolder(folder).figures
    splits = []
    for split in SPLITS:
        if is_there(file := figures / f"tiles_{split}.npz"):
            splits.append({"split": split, **_tiles(file, budget)})
    files = [file for file in figures.glob("predictions_*.png") if GRID.fullmatch(file.name)]
    # The last epochs first: they are what has to be seen when there is no room for all.
    files.sort(key=lambda file: (_epoch(file), file.name), reverse=True)
    wholes = [
        {"name": file.stem.removeprefix("predictions_").replace("_", " "), **picture}
        for file in files
        if (picture := _figure(file, budget)) is not None
    ]
    if not splits and not wholes:
        return {"missing": "This run has no pictures of predictions in `figures`."}
    return {"splits": splits, "wholes": wholes}


def _epoch(file: Path) -> int:
    grid = GRID.fullmatch(file.name)
    return int(grid[1]) if grid and grid[1] else 1 << 30


def conflicts_picture(folder: Path, budget: Budget) -> dict[str, Any] | None:
    file = RunFolder(folder).figures / "gradient_conflicts.png"
    return _figure(file, budget) if is_there(file) else None


def _figure(file: Path, budget: Budget) -> dict[str, Any] | None:
    return budget.spend(read_picture(file))


def _tiles(file: Path, budget: Budget) -> dict[str, Any]:
    made = read_tiles(file)
    about, images = made.about, made.pictures["image"]
    tasks = []
    for name, key in (about.get("tasks") or {}).items():
        own = {
            kind: [_tile(picture, budget) for picture in made.pictures[f"{name}/{kind}"]]
            for kind in ("truth", "prediction", "error", "key")
            if f"{name}/{kind}" in made.pictures
        }
        tasks.append({"name": name, **_key(key or {}), **own})
    return {
        "step": about.get("step"),
        "images": [_tile(image, budget) for image in images],
        "tasks": tasks,
    }


def _key(about: Mapping[str, Any]) -> dict[str, Any]:
    """What the page takes for granted of a task's colours."""
    bars = {name: about.get(name) or {} for name in ("bar", "error_bar")}
    return {
        "missing": about.get("missing") or [],
        "legend": about.get("legend"),
        "error_legend": about.get("error_legend"),
        **{name: bar if {"colours", "ticks"} <= bar.keys() else None for name, bar in bars.items()},
    }


def _tile(picture: npt.NDArray[np.uint8], budget: Budget) -> dict[str, Any] | None:
    return budget.spend(Image.fromarray(picture))
