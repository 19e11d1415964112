"""`report`: run folders become a table with pictures and sources, or one page to look at."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from rich import get_console

from vtagml import report as room
from vtagml.commands.command import Folder
from vtagml.commands.messages import say
from vtagml.run_folder import write_whole

Format = Literal["markdown", "csv", "latex", "png", "pdf", "svg"]


def report(
    *runs: Annotated[Path, "RUN"],
    baseline: Sequence[str] = (),
    by: Annotated[str, "KEY"] = "config",
    reported: Sequence[Annotated[str, "TABLE"]] = (),
    affinities: tuple[Path, Path] | None = None,
    html: bool = False,
    out: Folder = Path("report"),
    format: Sequence[Format] = (),
) -> None:
    """Compares finished runs: a table, pictures, each number's source; or one page: --html.

    Methods by tasks, mean and standard deviation over seeds, parameters, time. Runs on other data,
    or with other classes, units or thresholds, are refused.

    Args:
        runs: A run folder, or a folder of run folders.
        baseline: A method or one of its run folders, against which Δm is; several times for
            single-task runs, one for each task.
        by: What names a method: config (default), folder, or a key of the config such as
            model.init_args.encoder; runs are grouped by all settings but seeds.
        reported: Rows of a paper's table with the runs' data and tasks, marked as reported:
            vtagml_table2, vtagml_table3, vtagml_table4, vtagml_table5, vmt_table2, vmt_table3,
            emtal_table1, emtal_table2, emtal_table3, emtal_table4, emtal_table5, emtal_table6.
        affinities: Compares S and ω of two runs or files; pictures side by side and over training.
        html: One page instead, report.html, which needs no other file and no network: curves,
            tables, S and ω by step, predictions by task, config, sources. An unfinished run is
            shown when it is named itself.
        out: Where the files go; by default report.
        format: Of tables markdown, csv or latex, by default all of them; of figures png (the
            default), pdf or svg; may be given several times.

    Example:
        lightning report runs --baseline scenes_sdne+frozen
    """
    _check(runs, baseline or reported, affinities, html, format)
    papers = [room.reported(name) for name in reported]
    formats = room.completed(format)
    compared = partial(_compared, by=by, baseline=baseline, papers=papers)
    if affinities:
        files = _affinities(*affinities, formats)
    elif html:
        files = _html(runs, compared)
    else:
        files = _runs(runs, compared, formats)
    for name, content in files.items():
        write_whole(out / name, content)
    say(f"In `{out}`: {', '.join(files)}.")


def _check(runs: Any, others: Any, affinities: Any, html: bool, format: Any) -> None:
    """Refuses options that do not go together."""
    if affinities and (runs or others):
        raise ValueError(
            "`--affinities` compares two runs' affinities alone, found it beside other runs, "
            "`--reported` or `--baseline`: give these to a report of their own."
        )
    if html and (affinities or format or not runs):
        raise ValueError(
            "`--html` makes one page of run folders, found it without a run or beside "
            "`--affinities` or `--format`: `lightning report runs --html`, and another report for "
            "the rest."
        )
    if not (runs or affinities):
        raise ValueError(
            "`RUN` must be at least one run folder or folder of run folders, found none: "
            "`lightning report runs`."
        )


def _compared(
    runs: Sequence[Any], by: str, baseline: Sequence[str], papers: Sequence[Any]
) -> tuple[Any, list[str]]:
    """Returns the comparison of runs, and what has to be said of it."""
    room.refuse_mix(runs)
    methods = room.group(runs, by)
    return room.compare(methods, baseline, papers), room.warnings_of(methods)


def _runs(paths: Sequence[Path], compared: Any, formats: Sequence[str]) -> Mapping[str, bytes]:
    runs, left_out = room.find_runs(paths)
    say(*(f"left out: {why}" for why in left_out))
    if not runs:
        raise ValueError(
            f"`RUN` must hold a finished run, found none in {_listed(paths)}; what is there "
            "is said above."
        )
    comparison, warnings = compared(runs)
    get_console().print(room.terminal(room.results(comparison), "Comparison"))
    get_console().print(room.terminal(room.costs(comparison), "Size and speed"))
    say(*comparison.notes)
    say(*(f"beware: {warning}" for warning in warnings))
    return room.comparison_files(comparison, warnings, left_out, formats)


def _html(paths: Sequence[Path], compared: Any) -> Mapping[str, bytes]:
    """One page; of unfinished runs it shows what there is, but no row in the table."""
    from vtagml.report.finding import look
    from vtagml.report.html import page

    seen, left_out = look(paths)
    if not seen:
        raise ValueError(
            f"`RUN` must hold a run, found none to show in {_listed(paths)}: {'; '.join(left_out)}"
        )
    say(*(f"left out: {why}" for why in left_out))
    say(*(f"without results: {folder.error}" for folder in seen if folder.error))
    finished = [folder.run for folder in seen if folder.run is not None]
    comparison, warnings = compared(finished) if finished else (None, [])
    content, pictures = page(seen, comparison, warnings, left_out)
    say(f"Runs: {len(seen)}. {pictures} The page has {len(content) / 1e6:.1f} MB.")
    return {"report.html": content}


def _affinities(first: Path, second: Path, formats: Sequence[str]) -> Mapping[str, bytes]:
    comparison = room.compare_affinities(room.read_learned(first), room.read_learned(second))
    get_console().print(room.terminal(room.agreement_sheet(comparison), "Affinities"))
    say(*room.origins(comparison), *comparison.notes)
    return room.affinity_files(comparison, formats)


def _listed(paths: Sequence[Path]) -> str:
    return ", ".join(f"`{path}`" for path in paths)
