"""Stanford Cars from the files of both of its forms."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from datamodules import DatasetNotFoundError, StanfordCars
from datamodules.disk.images import UnreadableFileError
from tests.fakes.stanford_cars import MODELS, TEST, TRAIN, write_devkit, write_whole

SIZE = (16, 16)
FORMS: dict[str, Callable[[Path], Path]] = {
    "labels above": write_devkit,
    "labels inside": partial(write_devkit, above=False),
    "whole": write_whole,
}


@pytest.mark.parametrize("form", FORMS)
def test_photos_of_a_split_with_their_models(form: str, tmp_path: Path) -> None:
    data = StanfordCars(FORMS[form](tmp_path), SIZE)
    assert data.labels["cars"].names == MODELS
    for split, photos in (("train", TRAIN), ("val", TEST), ("test", TEST)):
        source = data.source(split)
        samples = [source.read(record, ["cars"]) for record in source.records]
        found = [(int(sample["cars"]), sample["image"].shape[:2]) for sample in samples]
        assert found == list(photos)


def test_photos_of_both_splits_have_names_of_their_own(tmp_path: Path) -> None:
    data = StanfordCars(write_devkit(tmp_path), SIZE)
    assert [record.name for record in data.records("test")] == ["cars_test/00001"]
    assert data.records("train")[0].name == "cars_train/00001"


def test_a_list_of_the_whole_without_its_photos_is_left_alone(tmp_path: Path) -> None:
    write_whole(tmp_path / "other")
    tree = write_devkit(tmp_path) / "stanford_cars"
    (tmp_path / "other/cars_annos.mat").replace(tree / "cars_annos.mat")
    data = StanfordCars(tmp_path, SIZE)
    assert data.records("train")[0].name == "cars_train/00001"


def test_folders_that_an_archive_holds_twice_are_found(tmp_path: Path) -> None:
    tree = write_devkit(tmp_path) / "stanford_cars"
    for part in ("cars_train", "cars_test"):
        (tree / part).rename(tmp_path / part)
        (tree / part).mkdir()
        (tmp_path / part).rename(tree / part / part)
    data = StanfordCars(tmp_path, SIZE)
    assert data.records("train")[0].name == "cars_train/cars_train/00001"
    assert len(data.source("test").records) == len(TEST)


def test_a_list_of_the_whole_alone_is_said_to_lack_its_photos(tmp_path: Path) -> None:
    (write_whole(tmp_path) / "car_ims").rename(tmp_path / "elsewhere")
    with pytest.raises(DatasetNotFoundError, match=r"`cars_annos.mat` with `car_ims`"):
        StanfordCars(tmp_path, SIZE).source("train")


def test_names_do_not_depend_on_the_root(tmp_path: Path) -> None:
    write_devkit(tmp_path)
    outer, inner = (StanfordCars(tmp_path / below, SIZE) for below in ("", "stanford_cars"))
    names = [[record.name for record in data.records("train")] for data in (outer, inner)]
    assert names[0] == names[1]


def test_the_devkits_own_list_of_test_photos_has_no_classes(tmp_path: Path) -> None:
    write_devkit(tmp_path)
    (tmp_path / "stanford_cars" / "cars_test_annos_withlabels.mat").unlink()
    data = StanfordCars(tmp_path, SIZE)
    assert len(data.source("train").records) == 3
    with pytest.raises(DatasetNotFoundError, match=r"cars_test_annos_withlabels.mat"):
        data.source("test")


def test_a_list_without_classes_is_refused(tmp_path: Path) -> None:
    write_devkit(tmp_path)
    tree = tmp_path / "stanford_cars"
    (tree / "devkit/cars_test_annos.mat").replace(tree / "cars_test_annos_withlabels.mat")
    with pytest.raises(UnreadableFileError, match="with `annotations`, structs, found"):
        StanfordCars(tmp_path, SIZE).source("test")


def test_the_official_counts() -> None:
    data = StanfordCars("absent", SIZE)
    assert [data.official(split) for split in ("train", "val", "test")] == [8144, 8041, 8041]


def test_an_empty_folder_is_none(tmp_path: Path) -> None:
    with pytest.raises(DatasetNotFoundError, match=r"`devkit/cars_train_annos.mat` and"):
        StanfordCars(tmp_path, SIZE).source("train")
