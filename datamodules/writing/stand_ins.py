"""All layouts by the words of the command line."""

from collections.abc import Mapping
from functools import cache

from datamodules.settings import one_of
from datamodules.writing.layout import Layout


@cache
def stand_ins() -> Mapping[str, tuple[Layout, ...]]:
    """The forms of each dataset; the first is the one that is written by default."""
    import datamodules  # not before: the datasets, whose layouts these are, need this room

    kinds = (getattr(datamodules, name) for name in datamodules.__all__)
    forms = (getattr(kind, "layouts", ()) for kind in kinds)
    return {layouts[0].word: layouts for layouts in forms if layouts}


def find_layout(word: str, form: str | None = None) -> Layout:
    """The layout of a dataset, by default in the first of its forms."""
    layouts = stand_ins()[one_of("as", word, stand_ins())]
    forms = {layout.form: layout for layout in layouts}
    if form is not None and form not in forms:
        raise ValueError(f"`form` of {word} should be one of {list(forms)}, found {form!r}.")
    return layouts[0] if form is None else forms[form]
