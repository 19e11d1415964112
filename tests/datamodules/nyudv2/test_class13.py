"""The 13-class archives with Ladický's normals, and depth of the official file."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datamodules.check import check
from datamodules.disk.images import UnreadableFileError
from datamodules.files import DatasetNotFoundError
from datamodules.nyudv2 import NYUDv2
from datamodules.prepared import Copy
from datamodules.prepared.prepare import prepare
from tests.fakes import nyudv2 as fakes
from tests.fakes.nyudv2 import FAR, HOLE, KNOWN, NEAR, RARE, UNLABELLED

SIZE = (24, 32)
SHIPPED = ("segmentation", "depth", "normals")
CORNER = (45, 40)  # of the default window


@pytest.fixture(scope="module", params=[False, True], ids=["archives", "renamed"])
def tree(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fakes.write_class13(tmp_path_factory.mktemp("class13"), request.param)


@pytest.fixture
def own(tree: Path, tmp_path: Path) -> Path:
    """A copy that may be damaged."""
    return Path(shutil.copytree(tree, tmp_path / "copy"))


def nyudv2(root: Path, **settings) -> NYUDv2:
    settings = {"label_space": "nyu_13", "batch_size": 1, "workers": 0} | settings
    return NYUDv2(root, SIZE, **settings)


def read(root: Path, name: str = "nyu_0003", tasks: tuple[str, ...] = SHIPPED, **settings):
    data = nyudv2(root, tasks=tasks, **settings)
    record = next(record for record in data.records("train") if record.name == name)
    return data.reader()(record, tasks)


def at(values: np.ndarray, pixel: tuple[int, int]) -> np.ndarray:
    """A pixel of the whole frame, in the default window."""
    return values[pixel[0] - CORNER[0], pixel[1] - CORNER[1]]


def file_of(root: Path, kind: str) -> Path:
    """The file of frame 3, which is for training."""
    patterns = {"rgb": "*rgb/*0003.png", "classes": "*13/*0003.png", "normals": "*normals*/train"}
    renamed = {"normals": "train_sn/0003.png"}
    found = [*root.glob(patterns[kind]), *root.glob(renamed.get(kind, "none"))]
    (file,) = found
    return file / "00003.png" if file.is_dir() else file


def test_splits_are_those_of_the_archives(tree: Path) -> None:
    data = nyudv2(tree)
    assert [record.name for record in data.records("train")] == ["nyu_0001", "nyu_0003"]
    for split in ("val", "test"):
        assert [record.name for record in data.records(split)] == ["nyu_0002", "nyu_0004"]
    assert data.records("val") == data.records("test")
    assert [data.official(split) for split in ("train", "val", "test")] == [795, 654, 654]
    assert data.derives.keys() == {"edges"}


def test_values_at_chosen_pixels(tree: Path) -> None:
    sample = read(tree)
    assert {sample[key].shape[:2] for key in ("image", *SHIPPED)} == {(425, 560)}
    assert at(sample["image"], KNOWN).tolist() == [10, 20, 30]
    classes = sample["segmentation"]
    # Stored as 1, 0 and 13; the rest is 12.
    assert [at(classes, pixel) for pixel in (KNOWN, UNLABELLED, RARE)] == [0, 255, 12]
    assert (classes == 11).sum() == 425 * 560 - 3
    np.testing.assert_array_equal(at(sample["depth"], KNOWN), np.float32(3.5))
    assert np.isnan(sample["depth"]).sum() == 2  # beyond 10 m, and nearer than 1 mm
    np.testing.assert_allclose(
        sample["camera"], [518.8579, 519.46961, 285.08245, 208.23617], rtol=1e-6
    )


def test_normals_are_turned_and_grey_and_black_are_unknown(tree: Path) -> None:
    normals = read(tree)["normals"]
    assert normals.dtype == np.float32
    # (204, 128, 230) is (0.6, 0.0039, 0.8039) with x left, y up, z to the camera; length 1.003148.
    np.testing.assert_allclose(at(normals, KNOWN), [-0.598117, -0.003909, -0.801399], atol=1e-6)
    np.testing.assert_allclose(at(normals, FAR), [-0.003921, -0.999985, -0.003921], atol=1e-6)
    for pixel in (HOLE, NEAR, RARE):  # (128, 128, 128), (127, 127, 127) and black
        assert np.isnan(at(normals, pixel)).all()
    assert np.isnan(normals).sum() == 9
    length = np.linalg.norm(normals, axis=-1)
    np.testing.assert_allclose(length[~np.isnan(length)], 1, rtol=1e-6)
    with pytest.raises(ValueError, match=r"`normals_axes` \(-1, -1, 1\).*0*3\.png"):
        read(tree, normals_axes=(-1, -1, 1))


def test_window_and_kind_of_depth_are_settings(tree: Path) -> None:
    sample = read(tree, window=(0, 480, 0, 640), raw_depth=True)
    assert sample["image"].shape == (480, 640, 3)
    assert (sample["segmentation"][KNOWN], sample["depth"][KNOWN]) == (0, 3.25)
    assert np.isnan(sample["depth"][HOLE])
    np.testing.assert_allclose(
        sample["camera"], [518.8579, 519.46961, 325.08245, 253.23617], rtol=1e-6
    )


def test_depth_is_that_of_the_frame_of_the_same_number(tree: Path) -> None:
    assert at(read(tree, "nyu_0001")["depth"], KNOWN) == 2
    assert at(read(tree, "nyu_0003")["depth"], KNOWN) == 3.5


def test_samples_hold_every_task(tree: Path) -> None:
    data = nyudv2(tree, evaluated_at="network")
    data.setup()
    for loader in (data.train_dataloader(), data.val_dataloader(), data.test_dataloader()):
        batch = next(iter(loader))
        assert batch.keys() == {"image", "name", "camera", *SHIPPED, "edges"}
        assert {tuple(batch[task].shape[-2:]) for task in (*SHIPPED, "edges")} == {SIZE}


def test_only_what_is_asked_for_is_needed(own: Path) -> None:
    (own / "nyu_depth_v2_labeled.mat").unlink()
    sample = read(own, tasks=("segmentation", "normals"))
    assert sample.keys() == {"image", "name", "camera", "segmentation", "normals"}
    for folder in [*own.glob("*normals*"), *own.glob("*_sn"), *own.glob("*13")]:
        shutil.rmtree(folder)
    data = nyudv2(own, tasks=["edges"])
    assert data.reader()(data.records("train")[0], ()).keys() == {"image", "name", "camera"}


def test_what_is_not_there_at_all_is_named(own: Path) -> None:
    (own / "nyu_depth_v2_labeled.mat").unlink()
    with pytest.raises(DatasetNotFoundError, match=r"expected `nyu_depth_v2_labeled\.mat` beside"):
        nyudv2(own).source("train")
    for folder in [*own.glob("*normals*"), *own.glob("*_sn")]:
        shutil.rmtree(folder)
    with pytest.raises(DatasetNotFoundError, match=r"`nyu_normals_gt/\{train,test\}` beside"):
        nyudv2(own, tasks=["normals"]).source("train")


def test_the_official_file_alone_is_the_official_form(own: Path) -> None:
    fakes.write_splits(own, train=[1], test=[2])
    for folder in own.iterdir():
        if folder.is_dir():
            shutil.rmtree(folder)
    assert type(nyudv2(own).form()).__name__ == "OfficialFile"


@pytest.mark.parametrize("kind", ["rgb", "classes", "normals"])
@pytest.mark.parametrize("share", [None, 0.5])
def test_missing_and_truncated_files_are_named(own: Path, kind: str, share: float | None) -> None:
    file = file_of(own, kind)
    content = file.read_bytes()
    file.unlink() if share is None else file.write_bytes(content[: int(share * len(content))])
    data = nyudv2(own)
    if share is None and kind == "rgb":
        assert [record.name for record in data.records("train")] == ["nyu_0001"]
        lone = {path.relative_to(own).parts[0] for path in data.unpaired("train")}
        assert len(lone) == 2
        return
    if share is None:
        with pytest.raises(FileNotFoundError, match=f"1 of these files missing: .*{file.name}"):
            data.setup("fit")
    error = FileNotFoundError if share is None else UnreadableFileError
    with pytest.raises(error, match=file.name):
        read(own)


@pytest.mark.parametrize(
    ("kind", "pixels", "said"),
    [
        ("rgb", np.zeros((425, 560, 3), np.uint8), "a whole frame.*found 425 x 560"),
        ("classes", np.full((480, 640), 14, np.uint8), "ids from 0 to 13, found .*from 14 to 14"),
        ("classes", np.zeros((480, 640), np.uint16), "8-bit grey"),
        ("normals", np.zeros((480, 640), np.uint8), "8-bit RGB"),
        ("normals", np.full((240, 320, 3), 128, np.uint8), "480 x 640 pixels, found 240 x 320"),
    ],
)
def test_wrong_pictures_are_named(own: Path, kind: str, pixels: np.ndarray, said: str) -> None:
    file = file_of(own, kind)
    Image.fromarray(pixels).save(file)
    with pytest.raises((UnreadableFileError, ValueError), match=said) as error:
        read(own)
    assert str(file) in str(error.value)


def test_check_counts_and_finds_nothing_else(tree: Path) -> None:
    report = check(nyudv2(tree), processes=0)
    assert {split: found.found for split, found in report.splits.items()} == {
        "train": 2,
        "val": 2,
        "test": 2,
    }
    assert [problem.message for problem in report.problems] == [
        "the split `train` has 2 of the official 795 samples",
        "the split `val` has 2 of the official 654 samples",
        "the split `test` has 2 of the official 654 samples",
    ]


def test_a_prepared_copy_holds_the_same_and_knows_its_files(own: Path) -> None:
    data = nyudv2(own)
    prepare(data, processes=0)
    source, original = data.source("train"), data.original("train")
    assert isinstance(source.read, Copy)
    for record, its_own in zip(source.records, original.records, strict=True):
        copied, read = source.read(record, SHIPPED), original.read(its_own, SHIPPED)
        for task in ("image", *SHIPPED):
            np.testing.assert_array_equal(copied[task], read[task])
    Image.fromarray(np.full((480, 640), 3, np.uint8)).save(file_of(own, "classes"))
    with pytest.raises(ValueError, match="the files of `nyu_0003` have changed"):
        data.source("train")


def test_source_goes_to_spawned_workers(tree: Path) -> None:
    source = pickle.loads(pickle.dumps(nyudv2(tree).source("train")))
    assert at(source.read(source.records[1], ["depth"])["depth"], KNOWN) == 3.5
