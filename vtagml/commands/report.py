"""`report`: run folders become a table with pictures and sources, or one page to look at."""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich import get_console

from vtagml.checkpoints.whole_file import write_whole
from vtagml.commands.mistakes import no_option
from vtagml.report import (
    FORMATS,
    Comparison,
    Run,
    compare,
    comparison_files,
    completed,
    costs,
    find_runs,
    group,
    parts,
    refuse_mix,
    reported,
    reported_files,
    results,
    terminal,
    warnings_of,
)


def run_report(words: Sequence[str]) -> None:
    """Runs `lightning report`."""
    options = _options(words)
    formats = completed(options.format or ())
    if options.affinities:
        files = _affinities(options, formats)
    elif options.html:
        files = _html(options)
    elif options.runs:
        files = _runs(options, formats)
    else:
        files = _reported(options, formats)
    for name, content in files.items():
        write_whole(options.out / name, content)
    written = ", ".join(name for name in files)
    get_console().print(f"In `{options.out}`: {written}.", soft_wrap=True, markup=False)


def _options(words: Sequence[str]) -> Namespace:
    parser = ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("runs", nargs="*", type=Path)
    parser.add_argument("--baseline", action="append", default=[])
    parser.add_argument("--by", default="config")
    parser.add_argument("--reported", action="append", default=[])
    parser.add_argument("--affinities", nargs=2, type=Path)
    parser.add_argument("--html", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("report"))
    parser.add_argument("--format", action="append", choices=FORMATS)
    options, rest = parser.parse_known_intermixed_args(words)
    if rest:
        raise no_option(rest[0], "report", parser)
    if options.affinities and (options.runs or options.reported or options.baseline):
        raise ValueError(
            "`--affinities` compares two runs' affinities alone, found it beside other runs, "
            "`--reported` or `--baseline`: give these to a report of their own."
        )
    if options.html and (options.affinities or options.format or not options.runs):
        raise ValueError(
            "`--html` makes one page of run folders, found it without a run or beside "
            "`--affinities` or `--format`: `lightning report runs --html`, and another report for "
            "the rest."
        )
    if not (options.runs or options.affinities or options.reported):
        raise ValueError(
            "`RUN` must be at least one run folder or folder of run folders, found none: "
            "`lightning report runs`."
        )
    return options


def _runs(options: Namespace, formats: Sequence[str]) -> Mapping[str, bytes]:
    console = get_console()
    runs, left_out = find_runs(options.runs)
    _say("left out: ", left_out)
    if not runs:
        raise ValueError(
            f"`RUN` must hold a finished run, found none in {_listed(options.runs)}; what is there "
            "is said above."
        )
    comparison, warnings = _compared(runs, options)
    console.print(terminal(results(comparison), "Comparison"))
    console.print(terminal(costs(comparison), "Size and speed"))
    _say("", comparison.notes)
    _say("beware: ", warnings)
    return comparison_files(comparison, warnings, left_out, formats)


def _html(options: Namespace) -> Mapping[str, bytes]:
    """One page; of unfinished runs it shows what there is, but no row in the table."""
    from vtagml.report.finding import look
    from vtagml.report.html import page

    seen, left_out = look(options.runs)
    if not seen:
        raise ValueError(
            f"`RUN` must hold a run, found none to show in {_listed(options.runs)}: "
            f"{'; '.join(left_out)}"
        )
    _say("left out: ", left_out)
    _say("without results: ", [str(folder.error) for folder in seen if folder.error])
    finished = [folder.run for folder in seen if folder.run is not None]
    comparison, warnings = _compared(finished, options) if finished else (None, [])
    content, pictures = page(seen, comparison, warnings, left_out)
    _say("", [f"Runs: {len(seen)}. {pictures} The page has {len(content) / 1e6:.1f} MB."])
    return {"report.html": content}


def _compared(runs: Sequence[Run], options: Namespace) -> tuple[Comparison, list[str]]:
    refuse_mix(runs)
    methods = group(runs, options.by)
    references = [reported(name) for name in options.reported]
    return compare(methods, options.baseline, references), warnings_of(methods)


def _say(kind: str, lines: Sequence[str]) -> None:
    for line in lines:
        get_console().print(f"{kind}{line}", soft_wrap=True, markup=False)


def _affinities(options: Namespace, formats: Sequence[str]) -> Mapping[str, bytes]:
    from vtagml.report import (
        affinity_files,
        agreement_sheet,
        compare_affinities,
        origins,
        read_learned,
    )

    console = get_console()
    first, second = map(read_learned, options.affinities)
    comparison = compare_affinities(first, second)
    console.print(terminal(agreement_sheet(comparison), "Affinities"))
    for said in origins(comparison) + comparison.notes:
        console.print(said, soft_wrap=True, markup=False)
    return affinity_files(comparison, formats)


def _reported(options: Namespace, formats: Sequence[str]) -> Mapping[str, bytes]:
    if options.baseline:
        raise ValueError("`--baseline` needs runs to compare, found none: give run folders.")
    tables = [reported(name) for name in options.reported]
    for table in tables:
        get_console().print(f"Reported, not measured: {table.citation}", soft_wrap=True)
        for name, part in parts(table).items():
            get_console().print(terminal(part, name))
    return reported_files(tables, formats)


def _listed(paths: Sequence[Path]) -> str:
    return ", ".join(f"`{path}`" for path in paths)
