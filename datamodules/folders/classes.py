"""The classes that a user names, and the ids that stand for them in files."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TypeAlias

import numpy as np
from jaxtyping import Int16

from datamodules.labels import IGNORE

IdsOfClass: TypeAlias = int | Sequence[int]
"""One id, or several."""

ALL_IDS = 2**16
UNKNOWN_ID = -1
"""In a table of train ids: nobody said what this id means."""


def ids_of_classes(
    classes: Sequence[str] | Mapping[str, IdsOfClass], ignore: IdsOfClass, needed: bool
) -> dict[str, tuple[int, ...]]:
    """The ids of each class, by its name, in the order of the train ids.

    Args:
        classes: Names, the id of each its place in the list, or names with their ids.
        ignore: Ids that stand for no class.
        needed: Whether there have to be classes.

    Raises:
        ValueError: A name or an id is given twice, or an id fits no file.
    """
    if isinstance(classes, str) or (needed and not classes):
        raise ValueError(
            "`classes` should name the classes of `segmentation`, such as `[floor, wall]` for the"
            f" ids 0 and 1, or `{{floor: 4, wall: [7, 9]}}`; found {classes or 'none'!r}. Name"
            " them, or leave `segmentation` out of `tasks`."
        )
    if isinstance(classes, Mapping):
        named = {name: as_ids(ids) for name, ids in classes.items()}
    else:
        named = {name: (id,) for id, name in enumerate(classes)}
        if len(named) < len(classes):
            raise ValueError(
                f"`classes` should name each class once, found {_repeated(classes)} more than once."
                " Classes of several ids are given as `{name: [id, id]}`."
            )
    if len(named) > IGNORE:
        raise ValueError(
            f"`classes` should name at most {IGNORE} classes, found {len(named)}. Leave some out:"
            " their ids go to `ignore`, or to a wider class."
        )
    _check_ids(named, as_ids(ignore))
    return named


def id_table(
    classes: Mapping[str, Sequence[int]], ignore: IdsOfClass
) -> Int16[np.ndarray, "65536"]:
    """Look-up table from ids to train ids: 255 for `ignore`, `UNKNOWN_ID` for what is not given."""
    table = np.full(ALL_IDS, UNKNOWN_ID, np.int16)
    table[list(as_ids(ignore))] = IGNORE
    for train_id, ids in enumerate(classes.values()):
        table[list(ids)] = train_id
    return table


def as_ids(ids: IdsOfClass) -> tuple[int, ...]:
    """One id, or several, as several."""
    return (ids,) if isinstance(ids, int) else tuple(ids)


def _check_ids(classes: Mapping[str, Sequence[int]], ignore: Sequence[int]) -> None:
    empty = [name for name, ids in classes.items() if not ids]
    if empty:
        raise ValueError(f"`classes` should give each class an id, found none for {empty}.")
    ids = [*chain.from_iterable(classes.values()), *ignore]
    wrong = [id for id in ids if not 0 <= id < ALL_IDS]
    if wrong:
        raise ValueError(
            f"`classes` and `ignore` should have ids from 0 to {ALL_IDS - 1}, found {wrong}."
        )
    if repeated := _repeated(ids):
        raise ValueError(
            f"`classes` and `ignore` should have each id once, found {repeated} more than once."
            " An id stands for one class, or for none."
        )


def _repeated(values: Sequence[object]) -> list[object]:
    return [value for value, times in Counter(values).items() if times > 1]
