"""The files of a comparison of affinities."""

from collections.abc import Sequence

from vtagml.metrics.unit import Unit
from vtagml.report.affinities import AffinityComparison
from vtagml.report.affinity_figures import side_by_side, strip
from vtagml.report.document import joined, listed, pictures, shown
from vtagml.report.formats import Sheet, comma_separated, latex, markdown


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
    files = pictures("affinities", side_by_side(comparison), formats)
    for letter, learned in (("a", comparison.first), ("b", comparison.second)):
        files |= pictures(f"training_{letter}", strip(learned), formats)
    about = origins(comparison) + comparison.notes
    if "markdown" in formats:
        said = ["# Affinities", listed(about), markdown(sheet), ABOUT]
        said += shown(files)
        files["affinities.md"] = joined(said)
    if "csv" in formats:
        files["affinities.csv"] = comma_separated(sheet).encode()
    if "latex" in formats:
        files["affinities.tex"] = latex(sheet, about).encode()
    return files


ABOUT = (
    "The Frobenius distance is over all entries; the mean difference and Spearman's correlation "
    "are over the entries off the diagonal."
)


def origins(comparison: AffinityComparison) -> list[str]:
    return [
        f"{letter}: `{each.path}`, {each.kind}, {_step(each.step)}, tasks {', '.join(each.tasks)}."
        for letter, each in (("A", comparison.first), ("B", comparison.second))
    ]


def _step(step: int | None) -> str:
    return "step unknown" if step is None else f"step {step}"
