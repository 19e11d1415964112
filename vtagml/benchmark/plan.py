"""What a benchmark consists of: settings, their rows, and the seeds of each row."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from vtagml.launching import check_keys, read_yaml

NAME = re.compile(r"\w[\w+-]*", re.ASCII)  # no dot: `NAME.1` is an earlier run that was set aside
OF_PLAN = ("out", "seeds", "trainer", "settings")
OF_SETTING = ("name", "title", "config", "overrides", "each", "seeds", "baseline", "rows")
OF_ROW = ("name", "title", "config", "overlays", "overrides", "each", "needs", "test", "seeds")
EACH = "{}"  # in name and title of a row: where the values of `each` stand
SOURCE = "{source}"  # in overrides: the folder of the run that a row starts from
OF_THE_RUNNER = ("config", "ckpt_path", "seed_everything", "trainer.default_root_dir")


@dataclass(frozen=True)
class Row:
    """A method in a setting: one experiment, at several seeds.

    Attributes:
        name: Its folder's; of base and overlays unless it is given.
        title: How tables call it.
        command: `fit`, or `test` for another row's network on other data.
        configs: A base, and the overlays that make the method of it.
        overrides: Keys of the experiment and their values, in which `{source}` may stand.
        seeds: One run each.
        source: The row it starts from (`fit`), or whose checkpoint it tests.
    """

    name: str
    title: str
    command: str
    configs: tuple[Path, ...]
    overrides: Mapping[str, Any]
    seeds: tuple[int, ...]
    source: str | None


@dataclass(frozen=True)
class Setting:
    """Rows that stand in one table.

    Attributes:
        name: For `--only`.
        title: Above the table.
        rows: In the table's order.
        baseline: The row against which Δm is, if any.
    """

    name: str
    title: str
    rows: tuple[Row, ...]
    baseline: str | None


@dataclass(frozen=True)
class Plan:
    """All settings, in the order of the file.

    Attributes:
        path: The file.
        out: Where the run folders go if nobody says otherwise.
        settings: At least one.
    """

    path: Path
    out: Path
    settings: tuple[Setting, ...]

    @property
    def rows(self) -> dict[str, Row]:
        """All rows by name, each after the row it starts from."""
        rows = {row.name: row for setting in self.settings for row in setting.rows}
        ordered = (name for row in rows for name in reversed(lineage(rows, row)))
        return {name: rows[name] for name in ordered}


def lineage(rows: Mapping[str, Row], name: str) -> list[str]:
    """Returns a row, its source, the source's source, and so on."""
    names = [name]
    while (source := rows[names[-1]].source) is not None:
        if source in names:
            circle = " → ".join([*names[names.index(source) :], source])
            raise ValueError(
                f"`needs` and `test` must lead to a row that needs no other, found {circle}: break "
                "the circle."
            )
        names.append(source)
    return names


def read_plan(path: Path) -> Plan:
    """Reads a plan; what is wrong with it is said before anything runs.

    Raises:
        FileNotFoundError: The plan, or an experiment that it names, is not there.
        ValueError: A key or a value is wrong, or rows need one another in a circle.
    """
    content = check_keys(read_yaml(path, "PLAN"), "The plan", OF_PLAN, ("seeds", "settings"))
    trainer = check_keys(content.get("trainer"), "`trainer` of the plan")
    common = {
        "overrides": {f"trainer.{key}": value for key, value in trainer.items()},
        "seeds": content["seeds"],
    }
    settings = _listed(content["settings"], "`settings` of the plan")
    out = Path(str(content.get("out") or Path("runs") / path.stem))
    plan = Plan(path, out, tuple(_setting(own, common) for each in settings for own in _each(each)))
    _check_names(plan)
    _check_sources(plan)
    return plan


def _setting(content: Any, common: Mapping[str, Any]) -> Setting:
    content = check_keys(content, "A setting", OF_SETTING, ("name", "rows"))
    name = _name(content["name"], "a setting")
    where = f"setting `{name}`"
    common = {**common, **_given(content, common, where)}
    listed = _listed(content["rows"], f"`rows` of {where}")
    rows = tuple(_row(own, common) for row in listed for own in _each(row))
    for title in (titles := [row.title for row in rows]):
        if titles.count(title) > 1:
            raise ValueError(
                f"`title` must be one row's alone in a table, found `{title}` twice in {where}."
            )
    baseline = content.get("baseline")
    if baseline is not None and baseline not in [row.name for row in rows]:
        known = ", ".join(row.name for row in rows)
        raise ValueError(
            f"`baseline` of {where} must be one of its rows, {known}, found `{baseline}`."
        )
    return Setting(name, str(content.get("title") or name), rows, baseline)


def _each(content: Any) -> Iterator[Any]:
    """Yields a row, or a setting, for every combination of the values that `each` lists."""
    if not isinstance(content, Mapping) or "each" not in content:
        yield content
        return
    name = str(content.get("name"))
    if any(EACH not in str(content.get(key)) for key in ("name", "title")):
        raise ValueError(
            f"`name` and `title` of what has `each` must have `{EACH}`, where a value stands, "
            f"found {content.get('name')!r} and {content.get('title')!r}."
        )
    where = f"`each` of `{name}`"
    keys = check_keys(content["each"], where)
    for values in product(*(_listed(own, f"`{key}` in {where}") for key, own in keys.items())):
        overrides = content.get("overrides") or {}
        own = {**content, "overrides": {**overrides, **dict(zip(keys, values, strict=True))}}
        yield _filled(own, [str(value) for value in values])


def _filled(content: Mapping[str, Any], words: Sequence[str]) -> Mapping[str, Any]:
    """The same with values where `{}` stands, also in the rows of a setting."""
    folder, shown = "_".join(words).replace(".", ""), ", ".join(words)
    texts = {"title": shown} | dict.fromkeys(("name", "baseline", "needs", "test"), folder)
    given = {key: content[key] for key in texts if isinstance(content.get(key), str)}
    found: dict[str, Any] = {key: text.replace(EACH, texts[key]) for key, text in given.items()}
    rows = content.get("rows")
    if isinstance(rows, list):
        if any("each" in row for row in rows if isinstance(row, Mapping)):
            raise ValueError(
                f"`each` must be a setting's or its rows', found both in `{found['name']}`."
            )
        found["rows"] = [_filled(row, words) if isinstance(row, Mapping) else row for row in rows]
    return {**content, **found}


def _given(content: Mapping[str, Any], common: Mapping[str, Any], where: str) -> dict[str, Any]:
    """What a setting has for its rows, and a row for itself, over what there is for all."""
    overrides = check_keys(content.get("overrides"), f"`overrides` of {where}")
    if taken := [key for key in overrides if key in OF_THE_RUNNER]:
        raise ValueError(
            f"`overrides` of {where} must not have `{taken[0]}`: it follows from config, seeds and "
            "sources."
        )
    own = {key: content[key] for key in ("config", "seeds") if key in content}
    return {**own, "overrides": {**common["overrides"], **overrides}}


def _row(content: Any, common: Mapping[str, Any]) -> Row:
    content = check_keys(content, "A row", OF_ROW)
    overlays = _listed(content.get("overlays") or [], "`overlays` of a row")
    configs = (content.get("config", common.get("config")), *overlays)
    # Without a name it has that of the same experiment's run folder outside a plan.
    name = _name(content.get("name") or "+".join(Path(str(each)).stem for each in configs), "a row")
    where = f"row `{name}`"
    content = {**common, **content, **_given(content, common, where)}
    if content.get("needs") and content.get("test"):
        raise ValueError(
            f"`needs` and `test` exclude each other, found both in {where}: a row trains from "
            "another row's network, or tests it as it is."
        )
    source = content.get("test") or content.get("needs")
    if SOURCE in str(content["overrides"]) and not content.get("needs"):
        raise ValueError(
            f"`overrides` of {where} have `{SOURCE}`, the folder of a run before it, so the row "
            "must name that run's row: `needs`."
        )
    return Row(
        name=name,
        title=str(content.get("title") or name),
        command="test" if content.get("test") else "fit",
        configs=tuple(_config(file, where) for file in configs),
        overrides=content["overrides"],
        seeds=_seeds(content["seeds"], where),
        source=None if source is None else str(source),
    )


def _config(file: Any, where: str) -> Path:
    if file is None:
        raise ValueError(f"`config` of {where}, or of its setting, must be given, found nothing.")
    if not Path(str(file)).is_file():
        raise FileNotFoundError(
            f"`config` and `overlays` of {where} must be experiments, there is no file `{file}` in "
            f"`{Path.cwd()}`."
        )
    return Path(str(file))


def _check_names(plan: Plan) -> None:
    rows = [row.name for setting in plan.settings for row in setting.rows]
    for name in (names := [*rows, *(setting.name for setting in plan.settings)]):
        if names.count(name) > 1:
            raise ValueError(
                f"`name` must be one row's or one setting's alone, found `{name}` "
                f"{names.count(name)} times: each row has a folder of its name."
            )


def _check_sources(plan: Plan) -> None:
    rows = {row.name: row for setting in plan.settings for row in setting.rows}
    for row in rows.values():
        if row.source is None:
            continue
        key = "test" if row.command == "test" else "needs"
        if row.source not in rows:
            raise ValueError(
                f"`{key}` of row `{row.name}` must be a row of the plan, found `{row.source}`; "
                f"there are {', '.join(rows)}."
            )
        if lacking := sorted(set(row.seeds) - set(rows[row.source].seeds)):
            raise ValueError(
                f"`seeds` of row `{row.name}` must be among those of `{row.source}`, from which it "
                f"starts, found {lacking} beside them."
            )
    for row in rows.values():
        if any(rows[name].command == "test" for name in lineage(rows, row.name)[1:]):
            raise ValueError(
                f"`needs` and `test` of row `{row.name}` must be a row that trains; one that tests "
                "leaves no checkpoint."
            )


def _listed(content: Any, where: str) -> list[Any]:
    if not isinstance(content, list):
        raise ValueError(f"{where} must be a list, found {content!r}.")
    return content


def _seeds(content: Any, where: str) -> tuple[int, ...]:
    fit = isinstance(content, list) and all(type(seed) is int and seed >= 0 for seed in content)
    if not fit or not content or len(set(content)) < len(content):
        raise ValueError(
            f"`seeds` of {where} must be a list of different whole numbers, found {content!r}."
        )
    return tuple(content)


def _name(content: Any, where: str) -> str:
    if not isinstance(content, str) or not NAME.fullmatch(content):
        raise ValueError(
            f"`name` of {where} must be letters, digits, `_`, `+`, `-`, for a folder, found "
            f"{content!r}."
        )
    return content
