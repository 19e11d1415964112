import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from datamodules import Folders
from datamodules.check import check
from datamodules.disk.images import UnreadableFileError
from datamodules.files import DatasetNotFoundError
from datamodules.prepared.prepare import prepare
from datamodules.transforms import Sample
from tests.fakes import folders as fakes

SIZE = (24, 32)
CLASSES = ["floor", "wall", "door"]


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    return fakes.write_tree(tmp_path_factory.mktemp("folders"))


@pytest.fixture
def own(tree: Path, tmp_path: Path) -> Path:
    """A copy that may be changed."""
    return shutil.copytree(tree, tmp_path / "folders")


def folders(root: Path, **settings) -> Folders:
    return Folders(root, SIZE, **{"classes": CLASSES, "batch_size": 1, "workers": 0} | settings)


def first(data: Folders) -> Sample:
    """The first sample of `val` as it lies on disk."""
    source = data.source("val")
    return source.read(source.records[0], data.reads)


def label(root: Path, task: str, suffix: str = ".png") -> Path:
    """That of the first sample of `val`."""
    return root / "val" / task / f"0001{suffix}"


def test_samples_are_named_by_split_and_path(tree: Path) -> None:
    names = {split: [each.name for each in folders(tree).records(split)] for split in fakes.NAMES}
    assert names["train"] == ["train/0001", "train/room/0001"]
    assert names["val"] == ["val/0001"]  # the same file name, and another sample
    assert first(folders(tree))["name"] == "val/0001"


def test_image_is_that_on_disk(tree: Path) -> None:
    expected = cv2.imread(str(fakes.path(tree, "val", "image", "0001")))[..., ::-1]
    np.testing.assert_array_equal(first(folders(tree))["image"], expected)


def test_every_label(tree: Path) -> None:
    sample = first(folders(tree))
    assert sample["segmentation"].dtype == np.uint8
    assert sample["segmentation"][0, :4].tolist() == [0, 1, 2, 255]
    assert (sample["segmentation"][1:] == 1).all()
    # Millimetres: 0 is unknown, the largest code is not.
    np.testing.assert_allclose(sample["depth"][0, :4], [np.nan, 0.001, 2.5, 65.535], rtol=1e-6)
    assert (sample["depth"][1:] == 4).all()
    # Codes c are 2 c / 255 - 1, of nearly unit length; 128 is 0.004.
    expected = [[0, 0, -1], [0, -1, 0], [1, 0, 0], [np.nan] * 3, [np.nan] * 3]
    np.testing.assert_allclose(sample["normals"][0, :5], expected, atol=0.005)
    np.testing.assert_allclose(np.linalg.norm(sample["normals"][0, :3], axis=-1), 1, rtol=1e-6)
    np.testing.assert_allclose(sample["edges"][0, :3], [0, 0.2, 1], rtol=1e-6)
    assert "camera" not in sample


def test_settings_of_depth_and_normals(tree: Path) -> None:
    # Steps of 1/256 m: 0, 1, 2500 and 65535 are 0, 0.004, 9.77 and 256 m.
    depth = first(folders(tree, depth_unit=1 / 256, depth_range=(0.1, 80.0)))["depth"]
    np.testing.assert_allclose(depth[0, :4], [np.nan, np.nan, 2500 / 256, np.nan])
    mirrored = first(folders(tree, normals_axes=(-1, -1, 1)))["normals"]
    np.testing.assert_allclose(mirrored[0, 1:3], [[0, 1, 0], [-1, 0, 0]], atol=0.005)


def test_normals_that_face_away_name_the_setting(tree: Path) -> None:
    with pytest.raises(ValueError, match=r"`normals_axes` \(1, -1, -1\) should turn .* camera"):
        first(folders(tree, normals_axes=(1, -1, -1)))


def test_ids_of_ones_own(own: Path) -> None:
    ids = np.full(fakes.SIZE, 7, np.uint16)
    ids[0, :5] = (7, 26, 40000, 0, 300)  # needs 16 bits
    fakes.save(label(own, "segmentation"), ids)
    classes = {"car": [26, 40000], "road": 7}
    data = folders(own, classes=classes, ignore=[0, 300])
    # Train ids are in the order of the names.
    assert first(data)["segmentation"][0, :5].tolist() == [1, 0, 0, 255, 255]
    assert data.labels["segmentation"].names == ("car", "road")


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_palette_holds_ids_in_its_numbers(own: Path, bits: int) -> None:
    numbers = np.zeros(fakes.SIZE, np.uint8)
    numbers[0, :4] = (2, 1, 0, 2)
    fakes.save_palette(label(own, "segmentation"), numbers, bits)
    assert tuple(label(own, "segmentation").read_bytes()[24:26]) == (bits, 3)  # of the header
    np.testing.assert_array_equal(first(folders(own))["segmentation"], numbers)


def test_palette_file_with_a_flipped_bit_is_refused(own: Path) -> None:
    file = label(own, "segmentation")
    fakes.save_palette(file, np.zeros(fakes.SIZE, np.uint8), 8)
    content = bytearray(file.read_bytes())
    content[content.find(b"IEND") - 5] ^= 1  # in the checksum, which decoding alone leaves out
    file.write_bytes(content)
    with pytest.raises(UnreadableFileError, match=r"segmentation/0001.png` should be a whole PNG"):
        first(folders(own))


def test_arrays(own: Path) -> None:
    for task in ("depth", "normals"):
        label(own, task).unlink()
    depth = np.full(fakes.SIZE, 3, np.float64)
    depth[0, :4] = (0, np.nan, np.inf, 0.25)
    normals = np.full((*fakes.SIZE, 3), (0, 0, -1), np.float16)
    normals[0, :3] = ((0, 0, 0), (np.nan, 0, -1), (0.6, 0, -0.8))
    fakes.save(label(own, "depth", ".npy"), depth)
    fakes.save(label(own, "normals", ".npy"), normals)
    sample = first(folders(own))
    assert sample["depth"].dtype == sample["normals"].dtype == np.float32
    np.testing.assert_array_equal(sample["depth"][0, :5], [np.nan, np.nan, np.nan, 0.25, 3])
    expected = [[np.nan] * 3, [np.nan] * 3, [0.6, 0, -0.8]]
    np.testing.assert_allclose(sample["normals"][0, :3], expected, atol=1e-3)


def test_edges_of_16_bits(own: Path) -> None:
    fakes.save(label(own, "edges"), np.full(fakes.SIZE, 13107, np.uint16))
    # 13107 = 65535 / 5
    np.testing.assert_allclose(first(folders(own))["edges"], 0.2, rtol=1e-6)


@pytest.mark.parametrize("suffix", [".jpg", ".JPEG", ".PNG"])
def test_images_of_other_suffixes(own: Path, suffix: str) -> None:
    file = label(own, "image")
    Image.open(file).convert("L").save(own / f"val/image/0001{suffix}")
    file.unlink()
    (own / "val/image/._0001.png").touch()  # as some systems leave them
    (own / "val/image/notes.txt").touch()
    image = first(folders(own))["image"]
    assert image.shape == (*fakes.SIZE, 3)
    np.testing.assert_array_equal(image[..., 0], image[..., 2])


def test_derived_tasks_need_no_folder_and_read_none(own: Path) -> None:
    shutil.rmtree(own / "val/normals")
    camera = (50.0, 50.0, 32.0, 24.0)
    data = folders(own, derive=["normals", "edges"], camera=camera, evaluated_at="network")
    assert data.reads == ("segmentation", "depth")
    data.setup("validate")
    sample = data.samples["val"][0]
    # Half the size on disk; a wall across the camera faces it.
    np.testing.assert_allclose(sample["camera"], [25, 25, 16, 12])
    np.testing.assert_allclose(sample["normals"][:, 12, 16], [0, 0, -1], atol=1e-6)
    assert sample["edges"].shape == (1, *SIZE)
    # The folder of edges holds 0 nearly everywhere, the Sobel edges of noise do not.
    assert (sample["edges"] > 0).float().mean() > 0.5


def test_camera_of_other_images_is_refused(tree: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"`camera`.*\(64, 48\) far .* 64 x 48 pixels"):
        first(folders(tree, camera=(100.0, 100.0, 64.0, 48.0)))


def test_only_the_folders_of_the_tasks_are_needed(own: Path) -> None:
    for split in fakes.NAMES:
        shutil.rmtree(own / split / "segmentation")
        shutil.rmtree(own / split / "edges")
    data = folders(own, tasks=["depth"], classes=[])
    assert first(data).keys() == {"image", "name", "depth"}
    assert data.labels == {}
    with pytest.raises(DatasetNotFoundError, match=r"the folders `val/segmentation`, `val/edges`"):
        folders(own).source("val")


def test_training_needs_no_folder_of_withheld_labels(own: Path) -> None:
    shutil.rmtree(own / "train/depth")
    data = folders(own, withheld=["depth"])
    data.setup("fit")
    assert "depth" not in data.samples["train"][0]
    assert "depth" in data.samples["val"][0]


def test_split_that_is_not_there(own: Path) -> None:
    shutil.rmtree(own / "val")
    data = folders(own)
    data.setup()
    assert data.samples.keys() == {"train", "test"}
    with pytest.raises(ValueError, match=r"hold the folder `val`.*found only `train`, `test`"):
        data.val_dataloader()
    assert check(folders(own), processes=0).ok


def test_folder_without_splits_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "image").mkdir()
    with pytest.raises(DatasetNotFoundError, match=r"the folders `train/image`.*--as folders"):
        folders(tmp_path).setup("fit")


@pytest.mark.parametrize(
    ("task", "content", "problem"),
    [
        ("segmentation", np.full(fakes.SIZE, 3, np.uint8), r"ids of `classes`.*found 3 in 3072"),
        ("segmentation", np.zeros((*fakes.SIZE, 3), np.uint8), r"class ids, .*found colours"),
        ("depth", np.zeros(fakes.SIZE, np.uint8), r"16-bit grey, found .*8-bit grey"),
        ("normals", np.zeros(fakes.SIZE, np.uint8), r"8-bit RGB, found .*8-bit grey"),
        ("normals", np.full((*fakes.SIZE, 3), 255, np.uint8), r"length 1.*found 1\.73"),
        ("edges", np.zeros((*fakes.SIZE, 3), np.uint8), r"8- or 16-bit grey, found .*8-bit RGB"),
    ],
)
def test_file_of_another_form_is_named(
    own: Path, task: str, content: np.ndarray, problem: str
) -> None:
    fakes.save(label(own, task), content)
    with pytest.raises(UnreadableFileError, match=f"val/{task}/0001.png` should.*{problem}"):
        first(folders(own))


@pytest.mark.parametrize(
    ("task", "content", "problem"),
    [
        ("depth", np.full(fakes.SIZE, 4, np.uint16), r"metres as floats, found uint16"),
        ("depth", np.full(fakes.SIZE, -1, np.float32), r"metres, .*found 3072 negative"),
        ("depth", np.ones((*fakes.SIZE, 1), np.float32), r"shape \[height, width\].*\(48, 64, 1\)"),
        ("normals", np.zeros((*fakes.SIZE, 3), np.int16), r"unit normals as floats, found int16"),
    ],
)
def test_array_of_another_form_is_named(
    own: Path, task: str, content: np.ndarray, problem: str
) -> None:
    label(own, task).unlink()
    fakes.save(label(own, task, ".npy"), content)
    with pytest.raises(UnreadableFileError, match=f"val/{task}/0001.npy` should.*{problem}"):
        first(folders(own))


def test_no_png_is_named(own: Path) -> None:
    for task in ("segmentation", "edges"):
        label(own, task).write_bytes(b"GIF89a")
        with pytest.raises(UnreadableFileError, match=f"val/{task}/0001.png` should be an image"):
            first(folders(own, tasks=[task]))


def test_missing_label_is_named(own: Path) -> None:
    label(own, "depth").unlink()
    problem = r"val/depth/0001.png` or `0001.npy` does not exist.*`val/0001`.*skip list"
    with pytest.raises(FileNotFoundError, match=problem):
        first(folders(own))
    skipped = own / "skip.txt"
    (found,) = check(folders(own), processes=0).problems
    assert (found.split, found.name) == ("val", "val/0001")
    skipped.write_text("val/0001\n")
    with pytest.raises(DatasetNotFoundError, match="at least one sample of the split `val`"):
        folders(own, skip=skipped).source("val")


def test_two_files_for_one_label(own: Path) -> None:
    fakes.save(label(own, "depth", ".npy"), np.ones(fakes.SIZE))
    with pytest.raises(ValueError, match=r"`depth` of `val/0001` should be in one file"):
        first(folders(own))


def test_two_images_of_one_name(own: Path) -> None:
    shutil.copy(label(own, "image"), own / "val/image/0001.jpg")
    with pytest.raises(ValueError, match=r"one file called `0001`, found `0001\.\w+` and `0001"):
        folders(own).source("val")


def test_labels_without_an_image(own: Path) -> None:
    fakes.save(own / "val/depth/attic/0002.npy", np.ones(fakes.SIZE))
    (own / "val/edges/0002.txt").touch()
    assert folders(own).unpaired("val") == [own / "val/depth/attic/0002.npy"]
    assert folders(own, tasks=["edges"]).unpaired("val") == []


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"classes": []}, r"`classes` should name .*found 'none'.*leave `segmentation` out"),
        ({"classes": "wall"}, r"`classes` should name .*found 'wall'"),
        ({"classes": ["a", "b", "a"]}, r"each class once, found \['a'\]"),
        ({"classes": {"a": []}}, r"an id, found none for \['a'\]"),
        ({"classes": {"a": -1}}, r"ids from 0 to 65535, found \[-1\]"),
        ({"classes": {"a": 1, "b": [1, 2]}}, r"each id once, found \[1\]"),
        ({"classes": {str(id): id for id in range(300, 556)}}, r"`classes` .* 255 .*found 256"),
        ({"ignore": 2}, r"each id once, found \[2\]"),
        ({"derive": ["depth"]}, r"some of \['normals', 'edges'\], found \['depth'\]"),
        ({"derive": "edges"}, r"`derive` should be a list .*found 'edges'"),
        ({"derive": ["normals"]}, r"`camera` should be .*found none"),
        ({"camera": (50.0, 50.0, 0.0, 24.0)}, r"`camera` .*all above 0, found"),
        ({"depth_unit": 0.0}, r"`depth_unit` should be metres above 0, found 0"),
        ({"depth_range": (5.0, 1.0)}, r"`depth_range` should be two rising"),
        ({"normals_axes": (1, 0, -1)}, r"three signs.*found \[1, 0, -1\]"),
    ],
)
def test_wrong_settings(tmp_path: Path, settings: dict, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        folders(tmp_path, **settings)


def test_predictions_are_read_as_labels(own: Path) -> None:
    data = folders(own, classes={"a": 300, "b": [1, 0, 2]}, depth_unit=0.0002)
    form = data.prediction_format
    guesses = {
        "segmentation": np.array([[0, 1]]).repeat(24, 0).repeat(32, 1),
        "depth": np.full((1, *fakes.SIZE), 3.5, np.float32),
        "normals": np.array([0, -0.6, -0.8], np.float32)[:, None, None].repeat(48, 1).repeat(64, 2),
        "edges": np.full((1, *fakes.SIZE), 0.25, np.float32),
    }
    guesses["segmentation"] = guesses["segmentation"].repeat(2, 0)
    for task, guess in guesses.items():
        assert (own / form.file("val/0001", task)).is_file()
        form.write(own, "val/0001", task, guess)
    again = first(data)
    np.testing.assert_array_equal(again["segmentation"], guesses["segmentation"])
    # 3.5 m are 17500 steps of 0.2 mm.
    assert cv2.imread(str(label(own, "depth")), cv2.IMREAD_UNCHANGED)[0, 0] == 17500
    np.testing.assert_allclose(again["depth"], 3.5, rtol=1e-6)
    np.testing.assert_allclose(again["normals"][5, 5], [0, -0.6, -0.8], atol=0.008)
    np.testing.assert_allclose(again["edges"], 0.25, atol=1e-5)
    assert form.file("val/a/b.c", "edges") == Path("val/edges/a/b.c.png")


def test_prepared_copy_holds_the_same(own: Path) -> None:
    plain = first(folders(own))
    prepare(folders(own), processes=0)
    data = folders(own)
    source = data.source("val")
    assert source.checked
    copy = source.read(source.records[0], data.reads)
    assert copy.keys() == plain.keys()
    for key in plain:
        np.testing.assert_array_equal(copy[key], plain[key])


def test_check_finds_nothing_wrong(tree: Path) -> None:
    report = check(folders(tree), processes=0)
    assert report.ok, report.problems
    assert report.splits["train"].found == 2


@pytest.mark.parametrize(
    ("task", "palette"), [("segmentation", False), ("segmentation", True), ("edges", False)]
)
def test_label_files_are_read_once(
    own: Path, task: str, palette: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if palette:
        fakes.save_palette(label(own, task), np.zeros(fakes.SIZE, np.uint8), 8)
    read: list[Path] = []
    from_disk = Path.read_bytes

    def read_bytes(file: Path) -> bytes:
        read.append(file)
        return from_disk(file)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    first(folders(own, tasks=[task]))
    assert read.count(label(own, task)) == 1
