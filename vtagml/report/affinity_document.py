"""The files of a comparison of affinities."""

from collections.abc import Sequence

import torch
from matplotlib.figure import Figure

from vtagml.drawing import OMEGA as OMEGA_SCALE
from vtagml.drawing import SIMILARITY as SIMILARITY_SCALE
from vtagml.drawing import affinity_grid
from vtagml.metrics.unit import Unit
from vtagml.report.affinities import OMEGA, SIMILARITY, AffinityComparison
from vtagml.report.document import listed, pictures, shown, tables, written
from vtagml.report.formats import Sheet, markdown

SCALES = {SIMILARITY: SIMILARITY_SCALE, OMEGA: OMEGA_SCALE}
LONGEST = 32  # Letters of a name that fit above a matrix.


def agreement_sheet(comparison: AffinityComparison) -> Sheet:
    header = ("matrix", "Frobenius distance", "mean |difference|", "Spearman", "entries")
    rows = (
        (
            name,
            *map(Unit("").written, (own.frobenius, own.absolute, own.correlation)),
            str(own.entries),
        )
        for name, own in comparison.agreements.items()
    )
    return Sheet(header, tuple(rows))


def affinity_files(comparison: AffinityComparison, formats: Sequence[str]) -> dict[str, bytes]:
    """Returns the files of a comparison of affinities by name."""
    sheet = agreement_sheet(comparison)
    figures = pictures("affinities", side_by_side(comparison), formats)
    about = origins(comparison) + comparison.notes
    text = ["# Affinities", listed(about), markdown(sheet), ABOUT, *shown(figures)]
    return {
        **figures,
        **written("affinities", text, formats),
        **tables("affinities", sheet, sheet, about, formats),
    }


ABOUT = (
    "The Frobenius distance is over all entries; the mean difference and Spearman's correlation "
    "are over the entries off the diagonal."
)


def origins(comparison: AffinityComparison) -> list[str]:
    return [
        f"{letter}: `{run.path}`, {run.kind}, step "
        f"{'unknown' if run.step is None else run.step}, tasks {', '.join(run.tasks)}."
        for letter, run in (("A", comparison.first), ("B", comparison.second))
    ]


def side_by_side(comparison: AffinityComparison) -> Figure:
    """Draws S above and ω below, the first run left and the second right."""
    runs = {"A": comparison.first, "B": comparison.second}
    rows = [
        [
            (
                torch.from_numpy(run.among(comparison.tasks)[name]),
                f"{name} of {letter}: {run.name[:LONGEST]}",
                scale,
            )
            for letter, run in runs.items()
        ]
        for name, scale in SCALES.items()
    ]
    return affinity_grid(rows, comparison.tasks)
