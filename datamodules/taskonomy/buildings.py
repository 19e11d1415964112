"""Which buildings of Taskonomy belong to which split."""

import csv
from pathlib import Path

from datamodules.base import SPLITS
from datamodules.disk.images import UnreadableFileError
from datamodules.disk.names import read_splits
from datamodules.disk.spelling import read_text
from datamodules.settings import one_of

STORED = Path(__file__).parent / "splits.txt"

STORED_SIZE = "tiny"
SIZES = (STORED_SIZE, "medium", "full", "fullplus")
ARCHIVE = "splits_taskonomy.zip (github.com/StanfordVL/taskonomy, data/README.md)"

EXCLUDED = (
    *("brinnon", "darnestown", "grace", "mosquito"),
    *("rough", "tansboro", "tomkins", "wiconisco"),
)
"""Buildings that the released VTAGML code leaves out; six of them other public loaders too."""


def buildings_of(subset: str, root: Path) -> dict[str, list[str]]:
    """Names of the buildings of each split of one of the makers' sizes.

    Those of `tiny` are stored with us; the others are in the makers' split files, which have to
    lie in `root`.
    """
    if one_of("subset", subset, SIZES) == STORED_SIZE:
        return stored_buildings()
    file = root / f"train_val_test_{subset}.csv"
    if not file.is_file():
        raise FileNotFoundError(
            f"`subset` {subset} needs the makers' split file `{file}`, which does not exist. Copy"
            f" it there from `{ARCHIVE}`, or choose `{STORED_SIZE}`, which needs none."
        )
    return read_buildings(file)


def stored_buildings() -> dict[str, list[str]]:
    """Names of the buildings of each split of `tiny`."""
    return read_splits(STORED)


def read_buildings(file: Path) -> dict[str, list[str]]:
    """Names of the buildings of each split in a split file as Taskonomy's makers write them.

    Args:
        file: A line `id,train,val,test`, then one per building with 1 under its split, else 0.

    Raises:
        FileNotFoundError: There is no such file.
        UnreadableFileError: The first line is another, or a building is listed twice or is not in
            exactly one split.
    """
    header, *rows = _rows(file) or [[]]
    if header != ["id", *SPLITS]:
        raise _unreadable(file, f"start with `id,{','.join(SPLITS)}`", f"`{','.join(header)}`")
    buildings: dict[str, list[str]] = {split: [] for split in SPLITS}
    seen: set[str] = set()
    for name, *flags in rows:
        if sorted(flags) != ["0", "0", "1"] or name in seen:
            line = ",".join([name, *flags])
            raise _unreadable(file, "list each building once, in one split", f"the line `{line}`")
        seen.add(name)
        buildings[SPLITS[flags.index("1")]].append(name)
    return buildings


def _rows(file: Path) -> list[list[str]]:
    try:
        text = read_text(file)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"`{file}`, given as `buildings`, does not exist. Give a split file with the columns"
            f" id,{','.join(SPLITS)}, or leave it out and choose a `subset` of {list(SIZES)}."
        ) from None
    except UnicodeDecodeError as error:
        raise _unreadable(file, "be a text file", str(error)) from None
    # Split here, for the makers' own files end their lines by CR alone.
    lines = (line for line in text.splitlines() if line.strip())
    return [[cell.strip() for cell in row] for row in csv.reader(lines)]


def _unreadable(file: Path, expected: str, found: str) -> UnreadableFileError:
    return UnreadableFileError(
        f"The split file `{file}` should {expected}, found {found}. Correct that line, or leave"
        " `buildings` out and choose a `subset`."
    )
