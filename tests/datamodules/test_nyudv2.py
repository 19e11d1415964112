from collections.abc import Callable
from pathlib import Path

import pytest

from datamodules.files import DatasetNotFoundError
from datamodules.nyudv2 import NYUDv2
from tests.fakes import nyudv2 as fakes

SIZE = (24, 32)


def test_missing_dataset_says_what_was_expected(tmp_path) -> None:
    with pytest.raises(DatasetNotFoundError, match=r"nyu_depth_v2_labeled\.mat.*--as nyudv2"):
        NYUDv2(tmp_path / "nowhere", SIZE).setup("fit")


def test_two_forms_in_one_folder_are_refused(tmp_path) -> None:
    fakes.write_multitask(tmp_path / "NYUD_MT", png=False)
    fakes.write_multitask(tmp_path / "NYUDv2", png=True)
    with pytest.raises(ValueError, match="`root` should hold one form"):
        NYUDv2(tmp_path, SIZE).records("train")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("label_space", "nyu_37"),
        ("edges", "canny"),
        ("depth_range", (3.0, 1.0)),
        ("normals_axes", (1, 0, 1)),
    ],
)
def test_impossible_settings_are_refused(setting: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"`{setting}` should be"):
        NYUDv2("anywhere", SIZE, **{setting: value})


FORMS: dict[str, Callable[[Path], Path]] = {
    "official": fakes.write_official,
    "multitask": lambda root: fakes.write_multitask(root, png=False),
    "mtan": fakes.write_mtan,
}


@pytest.mark.parametrize(
    ("form", "setting", "value"),
    [
        ("official", "edges", "boundaries"),
        ("official", "window", (45, 481, 40, 600)),
        ("multitask", "raw_depth", True),
        ("multitask", "window", (0, 480, 0, 640)),
        ("mtan", "edges", "boundaries"),
        ("mtan", "label_space", "nyu_40"),
    ],
)
def test_settings_that_a_form_cannot_follow_are_refused(tmp_path, form, setting, value) -> None:
    root = tmp_path / "NYUD_MT"
    FORMS[form](root)
    settings = {"label_space": "nyu_13"} if form == "mtan" else {}
    with pytest.raises(ValueError, match=f"`{setting}` should be"):
        NYUDv2(root, SIZE, **settings | {setting: value}).records("train")
