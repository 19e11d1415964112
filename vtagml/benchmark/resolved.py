"""Resolved configs, compared: the one that a run has kept, and the one that it would have now."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

Settings: TypeAlias = Mapping[str, Any]
"""Every value of a config by its key, with dots and without `init_args`."""

CLASS, LEVEL = "class_path", "init_args"
ROOT = "trainer.default_root_dir"
# Where a run lies and whether it was resumed makes it no other run.
NO_SETTING = (ROOT, "checkpoint.dirpath", "ckpt_path", "config")


def key_of(name: str) -> str:
    """Returns the key of an option, which may name levels that keys leave out."""
    return ".".join(part for part in name.split(".") if part != LEVEL)


def settings_of(config: Mapping[str, Any]) -> Settings:
    """Returns a config as one flat mapping."""
    return dict(_leaves(config, ()))


def _leaves(value: Any, above: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list):
        yield ".".join(above), f"{len(value)} values"
        value = {str(place): element for place, element in enumerate(value)}
    if not isinstance(value, Mapping):
        yield ".".join(above), value
        return
    for name, own in value.items():
        yield from _leaves(own, above if name in (CLASS, LEVEL) else (*above, str(name)))


def moved(settings: Settings, out: Path) -> Settings:
    """Returns a run's settings as if its benchmark's folder had always been where it is now."""
    before = f"{Path(str(settings.get(ROOT))).parent.parent}/"

    def renamed(value: Any) -> Any:
        is_within = isinstance(value, str) and value.startswith(before)
        return f"{out}/{value[len(before) :]}" if is_within else value

    return {key: renamed(value) for key, value in settings.items()}


def differences(ran: Settings, planned: Settings) -> list[str]:
    """Says in what a run differs from its cell; nothing where it would be the same run.

    A key that is null is as good as absent: a setting that a later version has brought.
    """
    different: dict[str, str] = {}
    for key in [*ran, *(key for key in planned if key not in ran)]:
        inner = any(key.startswith(f"{other}.") for other in different)
        found = (own.get(key) for own in (ran, planned))
        one, other = ("nothing" if value is None else repr(value) for value in found)
        if one != other and not inner and key not in NO_SETTING:
            different[key] = f"{key}: {one} in the run, {other} in the plan"
    return list(different.values())
