"""How many numbers each role of a network has, as its run wrote them down before it trained."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from vtagml.metrics.unit import EMPTY
from vtagml.report.formats import Sheet
from vtagml.report.methods import Method
from vtagml.report.sheets import whole
from vtagml.run_files import Form, is_there, read_json
from vtagml.run_folder import RunFolder

KINDS = ("trained", "stored", "deployed")
FORM: Form = {"roles": {str: dict.fromkeys(KINDS, int)}}

Roles = Mapping[str, Mapping[str, int | None]]


def read_roles(folder: Path) -> Roles:
    """Returns trained, stored and deployed numbers by role; of an older run there are none."""
    file = RunFolder(folder).parameters
    content = (read_json(file, FORM) if is_there(file) else None) or {}
    return {
        role: {kind: (own or {}).get(kind) for kind in KINDS}
        for role, own in (content.get("roles") or {}).items()
    }


def parameter_sheets(methods: Sequence[Method]) -> tuple[Sheet, Sheet] | None:
    """Returns the table for people and the one for programs; None if there is none.

    Runs of a method differ in their seeds alone: the first that wrote its numbers down speaks for
    all.
    """
    found = {method.name: _first(method) for method in methods}
    if not any(found.values()):
        return None
    lines = [(name, role, own) for name, roles in found.items() for role, own in _lines(roles)]
    people = [(name, role, *map(_shown, own)) for name, role, own in lines]
    programs = [(name, role, *map(whole, own)) for name, role, own in lines]
    header = ("method", "role", *KINDS)
    return Sheet(header, tuple(people)), Sheet(header, tuple(programs))


def _first(method: Method) -> Roles:
    for run in method.runs:
        try:
            roles = read_roles(run.folder)
        except (OSError, ValueError):  # a damaged file costs its lines, not the report
            continue
        if roles:
            return roles
    return {}


def _lines(roles: Roles) -> Iterator[tuple[str, list[int | None]]]:
    """A line per role that has numbers, and the total."""
    if not roles:
        return
    for role, own in roles.items():
        if any(own.values()):
            yield role, [own[kind] for kind in KINDS]
    columns = ([own[kind] for own in roles.values()] for kind in KINDS)
    yield "total", [_sum(column) for column in columns]


def _sum(column: Sequence[int | None]) -> int | None:
    known = [number for number in column if number is not None]
    return sum(known) if len(known) == len(column) else None


def _shown(number: int | None) -> str:
    return EMPTY if number is None else f"{number:,}"
