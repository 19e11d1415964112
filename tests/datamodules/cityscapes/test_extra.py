"""The images of Cityscapes that have coarse labels only."""

import pickle
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from datamodules import Cityscapes
from datamodules.check import check
from datamodules.files import DatasetNotFoundError
from datamodules.prepared import Copy
from datamodules.prepared.prepare import prepare
from tests.fakes import cityscapes as fakes

FINE = [f"{city}_{number:06d}_000019" for city in ("aachen", "bochum") for number in (0, 1)]
COARSE = ["augsburg_000000_000000", "bad-honnef_000012_000024"]
KINDS = ("leftImg8bit", "gtCoarse", "disparity", "camera")


@pytest.fixture(params=[False, True], ids=["plain", "archives"])
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return fakes.write_extra(fakes.write_tree(tmp_path, request.param), request.param)


def cityscapes(root: Path, train_split: str, **settings) -> Cityscapes:
    settings = {"batch_size": 1, "workers": 0} | settings
    return Cityscapes(root, (32, 64), train_split=train_split, **settings)


@pytest.mark.parametrize(
    ("train_split", "names", "official"),
    [("fine", FINE, 2975), ("coarse", COARSE, 19998), ("both", FINE + COARSE, 22973)],
)
def test_what_training_reads_is_a_setting(
    tree: Path, train_split: str, names: list[str], official: int
) -> None:
    data = cityscapes(tree, train_split)
    assert [record.name for record in data.source("train").records] == names
    assert data.official("train") == official
    for split in ("val", "test"):
        assert [record.name for record in data.records(split)] == [
            f"frankfurt_{number:06d}_000019" for number in (0, 1)
        ]
        assert data.official(split) == 500


def test_coarse_labels_are_mapped_as_fine_ones(tree: Path) -> None:
    source = cityscapes(tree, "both").source("train")
    fine, coarse = (source.read(source.records[place], ["segmentation"]) for place in (0, -1))
    assert (fine["name"], coarse["name"]) == (FINE[0], COARSE[1])
    # Road 7, truck 27 and bicycle 33 in the 19 classes; guard rails, 14, are unknown.
    assert coarse["segmentation"][0, [7, 14, 27, 33]].tolist() == [0, 255, 14, 18]
    np.testing.assert_array_equal(coarse["segmentation"], fine["segmentation"])


def test_depth_comes_with_the_images_own_camera(tree: Path) -> None:
    source = cityscapes(tree, "coarse").source("train")
    sample = source.read(source.records[0], ["depth"])
    # Code 2561 is 10 pixels: 0.25 m * 2000 / 10.
    assert (sample["depth"][5, 5], sample["camera"].tolist()) == (50, [2000, 1990, 65.5, 31.5])


def test_batches_hold_all_tasks(tree: Path) -> None:
    data = cityscapes(tree, "both", batch_size=6)
    data.setup("fit")
    (batch,) = data.train_dataloader()
    assert sorted(batch["name"]) == sorted(FINE + COARSE)
    assert batch.keys() == {"image", "name", "camera", *data.offers}


def test_the_black_image_is_counted_and_left_out(tree: Path) -> None:
    report = check(cityscapes(tree, "coarse"), processes=0)
    train = report.splits["train"]
    assert (train.found, train.skipped, train.official) == (3, [fakes.BLACK], 19998)
    assert not train.bad
    assert all("official" in problem.message for problem in report.problems)


def test_lone_coarse_labels_are_found(tree: Path) -> None:
    next(tree.rglob("augsburg*_leftImg8bit.png")).unlink()
    files = cityscapes(tree, "both").unpaired("train")
    assert {file.name for file in files} == {
        "augsburg_000000_000000_gtCoarse_labelIds.png",
        "augsburg_000000_000000_disparity.png",
    }
    assert all(file.is_file() for file in files)
    assert cityscapes(tree, "fine").unpaired("train") == []


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_that_is_not_there_is_named(tree: Path, kind: str) -> None:
    place = next(tree.rglob(f"{kind}/train_extra"))
    shutil.rmtree(place)
    with pytest.raises(DatasetNotFoundError, match=f"`.*{kind}/train_extra`.*gtCoarse.zip"):
        cityscapes(tree, "both").source("train")
    assert len(cityscapes(tree, "fine").source("train").records) == 4


def test_train_extra_alone_needs_no_fine_labels_of_train(tree: Path) -> None:
    for kind in ("leftImg8bit", "gtFine", "disparity", "camera"):
        shutil.rmtree(next(tree.rglob(f"{kind}/train")))
    data = cityscapes(tree, "coarse")
    data.setup("fit")
    assert len(data.train_dataloader()) == 2


def test_a_wrong_word_is_named(tree: Path) -> None:
    with pytest.raises(ValueError, match=r"`train_split` should be one of.*'both'.*'extra'"):
        cityscapes(tree, "extra")


def test_a_prepared_copy_holds_both(tree: Path) -> None:
    data = cityscapes(tree, "both")
    prepare(data, processes=0)
    source, original = data.source("train"), data.original("train")
    assert isinstance(source.read, Copy)
    assert len(source.records) == 6
    for record, own in zip(source.records, original.records, strict=True):
        for task in ("segmentation", "depth"):
            np.testing.assert_array_equal(
                source.read(record, [task])[task], original.read(own, [task])[task]
            )
    label = next(tree.rglob("augsburg*_gtCoarse_labelIds.png"))
    cv2.imwrite(str(label), np.full(fakes.SIZE, 8, np.uint8))
    with pytest.raises(ValueError, match="the files of `augsburg_000000_000000` have changed"):
        data.source("train")


def test_source_goes_to_spawned_workers(tree: Path) -> None:
    source = pickle.loads(pickle.dumps(cityscapes(tree, "both").source("train")))
    assert source.read(source.records[-1], ["depth"])["depth"][5, 5] == 50
