"""`report`: run folders become one table, with pictures and where each number comes from."""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich import get_console

from vtagml.callbacks.run_folder import write_whole
from vtagml.report import (
    FORMATS,
    affinity_files,
    agreement_sheet,
    compare,
    compare_affinities,
    comparison_files,
    costs,
    find_runs,
    group,
    origins,
    parts,
    read_learned,
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
    formats = options.format or FORMATS
    if options.affinities:
        files = _affinities(options, formats)
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
    parser.add_argument("--out", type=Path, default=Path("report"))
    parser.add_argument("--format", action="append", choices=FORMATS)
    options, rest = parser.parse_known_intermixed_args(words)
    if rest:
        raise ValueError(
            f"`{rest[0]}` is no option of `report`: `lightning report --help` names them."
        )
    if options.affinities and (options.runs or options.reported or options.baseline):
        raise ValueError(
            "`--affinities` compares two runs' affinities alone, found it beside other runs, "
            "`--reported` or `--baseline`: give these to a report of their own."
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
    for why in left_out:
        console.print(f"left out: {why}", soft_wrap=True, markup=False)
    if not runs:
        raise ValueError(
            f"`RUN` must hold a finished run, found none in {_listed(options.runs)}; what is there "
            "is said above."
        )
    refuse_mix(runs)
    methods = group(runs, options.by)
    comparison = compare(methods, options.baseline, [reported(name) for name in options.reported])
    warnings = warnings_of(methods)
    console.print(terminal(results(comparison), "Comparison"))
    console.print(terminal(costs(comparison), "Size and speed"))
    for said in comparison.notes:
        console.print(said, soft_wrap=True, markup=False)
    for said in warnings:
        console.print(f"beware: {said}", soft_wrap=True, markup=False)
    return comparison_files(comparison, warnings, left_out, formats)


def _affinities(options: Namespace, formats: Sequence[str]) -> Mapping[str, bytes]:
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
