"""What datasets of whole-image classes share: what training and evaluation see, copies, parts."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from datamodules import CUB, Aircraft, InceptionCrop, Mixture, RandomFlip
from datamodules.check import check
from datamodules.files import DatasetNotFoundError
from datamodules.prepared import Copy
from datamodules.prepared.prepare import prepare
from datamodules.samples import Draw
from tests.fakes import aircraft, cub

SIZE = (18, 18)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return cub.write_tree(tmp_path / "birds")


@pytest.fixture
def mixture(root: Path, tmp_path: Path) -> Mixture:
    planes = aircraft.write_tree(tmp_path / "planes")
    skip = tmp_path / "skip.txt"
    skip.write_text("0056978\n")
    parts = [CUB(root, SIZE), Aircraft(planes, SIZE, skip=skip)]
    return Mixture(parts, batch_size=2, workers=0)


def test_training_sees_a_part_mirrored_or_not_and_evaluation_the_middle(root: Path) -> None:
    data = CUB(root, SIZE, workers=0)
    data.setup()
    train = data.samples["train"]
    # A photo of 24 x 24 becomes 20 x 20 pixels, whose middle 18 x 18 are seen.
    views = {train[Draw(epoch, 1)]["image"].numpy().tobytes() for epoch in range(8)}
    assert len(views) == 8
    steps = data.default_geometry()
    assert [type(step) for step in steps] == [InceptionCrop, RandomFlip]
    assert data.default_augment() == []
    for split in ("val", "test"):
        sample = data.samples[split][0]
        assert sample.keys() == {"image", "name", "birds"}
        again = data.samples[split][Draw(3, 0)]
        assert torch.equal(sample["image"], again["image"])
        assert sample["image"].shape == (3, *SIZE)


def test_evaluation_does_not_distort(root: Path) -> None:
    data = CUB(root, SIZE, workers=0)
    data.setup("test")
    source = data.source("test")
    whole = source.read(source.records[0], [])["image"]  # 40 x 30 pixels
    seen = data.samples["test"][0]["image"].numpy().transpose(1, 2, 0)
    # The scale is 20 / 30: 40 x 30 pixels become 27 x 20; 4 rows and 1 column come first.
    area = whole[round(4 * 1.5) : round(22 * 1.5), round(1.5) : round(19 * 1.5)]
    assert seen.mean() == pytest.approx(area.mean(), abs=3)
    rows = np.corrcoef(
        seen[:, :, 0].mean(1),
        np.interp(np.arange(4.5, 22) * 40 / 27, np.arange(40) + 0.5, whole[:, 1:29, 0].mean(1)),
    )
    assert rows[0, 1] > 0.8


def test_classes_of_whole_images_have_no_size_on_disk(root: Path) -> None:
    with pytest.raises(ValueError, match=r"`evaluated_at` should be one of \['network'\]"):
        CUB(root, SIZE, evaluated_at="native")


def test_photos_that_are_missing_are_said_before_training(root: Path) -> None:
    next((root / "CUB_200_2011/images").glob("001*/*_0001_*.jpg")).unlink()
    with pytest.raises(FileNotFoundError, match=r"found 1 of these files missing: .*_0001_7.jpg"):
        CUB(root, SIZE, workers=0).setup("fit")
    CUB(root, SIZE, workers=0).setup("test")


def test_check_finds_all_but_the_official_counts(root: Path) -> None:
    report = check(CUB(root, SIZE), processes=0)
    said = [str(problem) for problem in report.problems]
    assert len(said) == 3
    assert all("of the official" in each for each in said)
    assert report.splits["train"].tasks["birds"].histogram.tolist() == [1, 1, 1]


def test_a_copy_is_read_as_long_as_the_classes_are_the_same(root: Path) -> None:
    data = CUB(root, SIZE)
    plain = data.source("train")
    prepare(data, processes=0)
    copied = CUB(root, SIZE).source("train")
    assert isinstance(copied.read, Copy)
    for record, other in zip(plain.records, copied.records, strict=True):
        before, after = plain.read(record, ["birds"]), copied.read(other, ["birds"])
        assert int(before["birds"]) == int(after["birds"])
        np.testing.assert_array_equal(before["image"], after["image"])
    labels = root / "CUB_200_2011" / "image_class_labels.txt"
    labels.write_text(labels.read_text().replace("5 3", "5 1"))
    with pytest.warns(UserWarning, match="Only copies with other settings of `train`"):
        changed = CUB(root, SIZE).source("train")
    assert not isinstance(changed.read, Copy)


def test_a_moved_dataset_has_the_same_copy(root: Path, tmp_path: Path) -> None:
    prepare(CUB(root, SIZE), processes=0)
    moved = Path(shutil.move(root, tmp_path / "elsewhere"))
    assert isinstance(CUB(moved, SIZE).source("train").read, Copy)


def test_parts_of_a_mixture_keep_their_skip_lists(mixture: Mixture) -> None:
    mixture.setup("fit")
    names = {record.record.name for record in mixture.samples["train"].source.records}
    assert names >= {"0034309", "0698580"}
    assert "0056978" not in names
    batch = next(iter(mixture.train_dataloader()))
    assert batch["image"].shape == (2, 3, *SIZE)


def test_parts_of_a_mixture_may_be_read_from_copies(mixture: Mixture) -> None:
    mixture.setup("fit")
    before = [mixture.samples["train"][place] for place in range(5)]
    for part in mixture.parts.values():
        prepare(part, processes=0)
    mixture.setup("fit")
    source = mixture.samples["train"].source
    assert source.checked
    assert all(isinstance(read, Copy) for read in source.read.readers.values())
    for place, sample in enumerate(before):
        after = mixture.samples["train"][place]
        assert after.keys() == sample.keys()
        assert torch.equal(after["image"], sample["image"])
        assert after["birds"] == sample["birds"]
        assert after["aircraft"] == sample["aircraft"]


def test_a_mixture_says_which_part_is_not_there(root: Path, tmp_path: Path) -> None:
    data = Mixture([CUB(root, SIZE), Aircraft(tmp_path / "absent", SIZE)])
    with pytest.raises(DatasetNotFoundError, match=r"Aircraft was not found: `root` is .*absent"):
        data.locate("fit")
