from collections.abc import Callable
from pathlib import Path

import pytest

from datamodules.files import DatasetNotFoundError
from datamodules.nyudv2 import NYUDv2
from tests.fakes import nyudv2 as fakes

SIZE = (24, 32)


def test_missing_dataset_names_every_form(tmp_path) -> None:
    with pytest.raises(DatasetNotFoundError, match="--as nyudv2") as raised:
        NYUDv2(tmp_path / "nowhere", SIZE).setup("fit")
    for file in ("nyu_depth_v2_labeled.mat", "splits.mat", "gt_sets", "train/image"):
        assert f"`{file}`" in str(raised.value)
    assert "`nyu_train_rgb`" in str(raised.value)


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
    "class13": fakes.write_class13,
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
        ("class13", "edges", "boundaries"),
        ("class13", "window", (45, 470, 40, 641)),
        ("class13", "label_space", "nyu_40"),
    ],
)
def test_settings_that_a_form_cannot_follow_are_refused(tmp_path, form, setting, value) -> None:
    root = tmp_path / "NYUD_MT"
    FORMS[form](root)
    settings = {"label_space": "nyu_13"} if form in ("mtan", "class13") else {}
    with pytest.raises(ValueError, match=f"`{setting}` should be"):
        NYUDv2(root, SIZE, **settings | {setting: value}).records("train")
