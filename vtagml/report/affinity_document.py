"""The files of a comparison of affinities."""

from collections.abc import Sequence

from vtagml.metrics.unit import Unit
from vtagml.report.affinities import AffinityComparison
from vtagml.report.affinity_figures import side_by_side, strip
from vtagml.report.document import listed, pictures, shown, tables, written
from vtagml.report.formats import Sheet, markdown


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
    for letter, learned in (("a", comparison.first), ("b", comparison.second)):
        figures |= pictures(f"training_{letter}", strip(learned), formats)
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
