"""How tables and pictures show a metric: its name with the unit, and how many digits mean a thing.

Runs keep shares in [0, 1]; papers print them in percent, and so does everything that people read:
the table of a test, reports, pages, the README.
"""

from typing import NamedTuple


class Shown(NamedTuple):
    """Name with unit, the factor from what runs keep, and decimals."""

    name: str
    factor: float
    decimals: int


METRICS = {
    "miou": Shown("mIoU %", 100.0, 2),
    "accuracy": Shown("accuracy %", 100.0, 2),
    "rmse": Shown("RMSE m", 1.0, 3),
    "rmse_image": Shown("RMSE of an image m", 1.0, 3),
    "delta1": Shown("δ < 1.25 %", 100.0, 2),
    "merr": Shown("mErr °", 1.0, 2),
    "median": Shown("median error °", 1.0, 2),
    "within_11": Shown("within 11.25° %", 100.0, 2),
    "within_22": Shown("within 22.5° %", 100.0, 2),
    "within_30": Shown("within 30° %", 100.0, 2),
    "f1": Shown("F1 %", 100.0, 2),
    "f1_macro": Shown("F1 of an image %", 100.0, 2),
}
# What the numbers of papers are in, as a factor to what runs keep.
OF_PAPERS = {"percent": 0.01, "metres": 1.0, "degrees": 1.0, "millions": 1.0, "minutes": 1.0}
HIGHER_IN_PAPERS = ("miou", "f1")
ARROWS = {True: "↑", False: "↓", None: ""}


def shown(metric: str) -> Shown:
    return METRICS.get(metric, Shown(metric, 1.0, 3))


def heading(task: str, metric: str, higher_is_better: bool | None) -> str:
    """Returns the title of a column, such as `depth RMSE m ↓`."""
    return f"{task} {shown(metric).name} {ARROWS[higher_is_better]}".strip()
