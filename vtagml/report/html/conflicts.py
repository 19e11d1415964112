"""Gradient conflicts of a page: a table by pair of tasks, and the pictures of the run."""

from pathlib import Path
from typing import Any

from vtagml.report.conflicts import PLACES, SHARE, read_conflicts
from vtagml.report.html.pictures import Budget
from vtagml.run_files import is_there, read_picture
from vtagml.run_folder import RunFolder

FILES = {
    "gradient_conflicts_shared": "Histograms of the cosines of the shared parameters' gradients",
    "gradient_conflicts": "Histograms of the cosines of the gradients at the fork",
    "gradient_conflicts_course": "The cosines over training",
}


def conflicts(folder: Path, budget: Budget) -> dict[str, Any]:
    """Returns header and rows of the shares below zero, and the pictures with their words."""
    found = read_conflicts(folder)
    header, rows = ["pair of tasks"], []
    if found is not None:
        places = list(found.counts)
        header += [f"{PLACES[place]}: steps with a negative cosine %" for place in places]
        columns = [map(SHARE.written, found.below_zero(place)) for place in places]
        names = (" · ".join(pair) for pair in found.pairs)
        rows = [list(row) for row in zip(names, *columns, strict=True)]
    pictures = []
    for name, words in FILES.items():
        file = RunFolder(folder).figures / f"{name}.png"
        picture = budget.spend(read_picture(file)) if is_there(file) else None
        if picture is not None:
            pictures.append({"words": words, "picture": picture})
    return {"header": header, "rows": rows, "pictures": pictures}
