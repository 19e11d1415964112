"""Pictures of a page: within a budget, and it is said what was shrunk or left out."""

from base64 import b64encode
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from vtagml.run_files import read_picture
from vtagml.run_folder import RunFolder

BUDGET = 12 << 20  # Bytes of pictures in a page, shared by its runs.
WIDEST, SMALLEST = 1800, 200  # Pixels of pictures.
SHRINK = 0.75
QUALITY = 88  # Of JPEG.
SPLITS = ("test", "val")
GRID = "predictions_"


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

    def spend(self, picture: Image.Image) -> dict[str, Any] | None:
        """Returns a picture as a page has it, shrunk as far as need be; None without room."""
        picture = picture.convert("RGB")
        given = picture.size
        picture.thumbnail((WIDEST, WIDEST), Image.Resampling.LANCZOS)
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
    """Returns the predictions of a run: per split a picture of each task, then whole grids."""
    figures = RunFolder(folder).figures
    files = {split: sorted((figures / f"{GRID}{split}").glob("*.png")) for split in SPLITS}
    # The last epochs first: they are what has to be seen when there is no room for all.
    grids = figures.glob(f"{GRID}*.png")
    files["all tasks"] = sorted(grids, key=lambda file: ("test" in file.name, file), reverse=True)
    groups = [
        {"name": name, "pictures": [_named(file, budget) for file in own]}
        for name, own in files.items()
        if own
    ]
    if not groups:
        return {"missing": "This run has no pictures of predictions in `figures`."}
    return {"groups": groups}


def _named(file: Path, budget: Budget) -> dict[str, Any]:
    name = file.stem.removeprefix(GRID).replace("_", " ")
    return {"name": name, "picture": budget.spend(read_picture(file))}
