"""All layouts by the words of the command line."""

from collections.abc import Mapping

from datamodules.writing.cityscapes import Cityscapes, CityscapesByArchive, CityscapesWithExtra
from datamodules.writing.folders import Folders
from datamodules.writing.layout import Layout
from datamodules.writing.nyudv2 import NYUDv2Arrays, NYUDv2Images
from datamodules.writing.nyudv2_class13 import NYUDv2Class13
from datamodules.writing.nyudv2_official import OfficialNYUDv2
from datamodules.writing.synthia import Synthia
from datamodules.writing.taskonomy import (
    FlatTaskonomy,
    Taskonomy,
    TaskonomyByArchive,
    TaskonomyByBuilding,
)
from datamodules.writing.vkitti2 import VKITTI2, VKITTI2ByArchive

LAYOUTS: Mapping[str, tuple[Layout, ...]] = {
    "taskonomy": (Taskonomy(), FlatTaskonomy(), TaskonomyByArchive(), TaskonomyByBuilding()),
    "nyudv2": (OfficialNYUDv2(), NYUDv2Arrays(), NYUDv2Images(), NYUDv2Class13()),
    "cityscapes": (Cityscapes(), CityscapesByArchive(), CityscapesWithExtra()),
    "synthia": (Synthia(),),
    "vkitti2": (VKITTI2(), VKITTI2ByArchive()),
    "folders": (Folders(),),
}
"""The forms of each dataset; the first is the one that is written by default."""


def find_layout(word: str, form: str | None = None) -> Layout:
    """The layout of a dataset, by default in the first of its forms."""
    if word not in LAYOUTS:
        raise ValueError(f"`as` should be one of {list(LAYOUTS)}, found {word!r}.")
    forms = {layout.form: layout for layout in LAYOUTS[word]}
    if form is None:
        return LAYOUTS[word][0]
    if form not in forms:
        raise ValueError(f"`form` of {word} should be one of {list(forms)}, found {form!r}.")
    return forms[form]
