"""How people read a metric: its name with the unit, and how many digits mean a thing.

Runs keep shares in [0, 1]; papers print them in percent, and so does everything that people read:
the table of a test, reports, pages, the README.
"""

import math
from typing import NamedTuple

ARROWS = {True: "↑", False: "↓", None: ""}
EMPTY = "–"


class Unit(NamedTuple):
    """How the numbers of a metric are written; by default as they are.

    Attributes:
        name: Of the metric, with its unit.
        decimals: How many mean a thing.
        factor: From what runs keep to what is written.
    """

    name: str
    decimals: int = 3
    factor: float = 1.0

    def written(self, value: float) -> str:
        if not math.isfinite(value):
            return EMPTY
        shown = round(self.factor * value, self.decimals) + 0.0  # Plus zero: no "−0.00".
        return f"{shown:.{self.decimals}f}".replace("-", "−")

    def heading(self, higher_is_better: bool | None, task: str = "") -> str:
        """Returns the title of a column, such as `depth RMSE m ↓`."""
        return f"{task} {self.name} {ARROWS[higher_is_better]}".strip()


def percent(name: str) -> Unit:
    """The unit of a share in [0, 1]."""
    return Unit(f"{name} %", 2, 100.0)


def degrees(name: str) -> Unit:
    return Unit(f"{name} °", 2)
