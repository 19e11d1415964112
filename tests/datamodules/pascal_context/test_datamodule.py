import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from PIL import Image

from datamodules import PASCALContext
from datamodules.check import check
from datamodules.disk.images import UnreadableFileError
from datamodules.files import DatasetNotFoundError
from datamodules.pascal_context.classes import PARTS
from tests.fakes import pascal_context as fakes
from tests.fakes.pascal_context import BOTH, DOG, FOLDERS, NOBODY, PEOPLE, read

SIZE = (24, 32)
ALL = ("segmentation", "human_parts", "saliency", "normals", "edges")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fakes.write_tree(tmp_path_factory.mktemp("pascal") / "PASCAL_MT")


@pytest.fixture
def copied(tree: Path, tmp_path: Path) -> Path:
    """A copy of the tree that a test is going to damage."""
    return Path(shutil.copytree(tree, tmp_path / tree.name))


def test_names_come_from_the_lists_and_there_is_no_third_split(tree: Path) -> None:
    data = PASCALContext(tree, SIZE)
    assert [photo.name for photo in data.records("train")] == [PEOPLE, NOBODY]
    assert data.records("test") == data.records("val")
    assert [photo.name for photo in data.records("val")] == [DOG, BOTH]
    assert (data.official("train"), data.official("val"), data.official("test")) == (
        *(4998, 5105),
        5105,
    )


def test_the_folder_around_the_archive_s_will_do(tree: Path) -> None:
    assert PASCALContext(tree.parent, SIZE).tree() == tree


def test_two_copies_are_refused(copied: Path) -> None:
    shutil.copytree(copied, copied.parent / "PASCALContext")
    with pytest.raises(ValueError, match="`root` should hold one copy of the dataset, found"):
        PASCALContext(copied.parent, SIZE).records("train")


def test_image_is_read_as_rgb(tree: Path) -> None:
    image = read(tree, PEOPLE, ())["image"]
    assert np.abs(image.astype(int) - fakes.maps(PEOPLE)["image"]).mean() < 4


@pytest.mark.parametrize("name", [PEOPLE, NOBODY, BOTH])
def test_classes_are_ids_of_a_palette_or_grey_and_people_s_come_first(
    tree: Path, name: str
) -> None:
    classes = read(tree, name, ["segmentation"])["segmentation"]
    assert classes[3, 4:9].tolist() == [0, 15, 20, 255, 0]


def names_of_parts(parts: np.ndarray) -> list[str]:
    return ["unknown" if id == 255 else PARTS.names[id] for id in np.unique(parts)]


def test_parts_are_painted_in_the_order_of_the_file(tree: Path) -> None:
    parts = read(tree, PEOPLE, ["human_parts"])["human_parts"]
    # Rows 2 to 5 are hair, also where the torso, from row 4 on, was painted before.
    assert [PARTS.names[id] for id in parts[[1, 2, 4, 6], 5]] == ["none", "head", "head", "torso"]
    assert [PARTS.names[id] for id in parts[[7, 9], 2]] == ["upper arm", "lower arm"]
    assert [PARTS.names[id] for id in parts[[12, 15], 4]] == ["upper leg", "lower leg"]
    # The dog's paw, above on the left, and the person without parts are none.
    assert parts[0, 0] == 0
    assert names_of_parts(parts) == ["none", *PARTS.names[1:]]
    assert names_of_parts(read(tree, BOTH, ["human_parts"])["human_parts"]) == ["none", "head"]


@pytest.mark.parametrize("name", [NOBODY, DOG])
def test_parts_are_unknown_without_an_annotated_person(tree: Path, name: str) -> None:
    parts = read(tree, name, ["human_parts"])["human_parts"]
    assert names_of_parts(parts) == ["unknown"]
    assert parts.shape == fakes.SIZES[name]


def test_saliency_is_above_the_middle(tree: Path) -> None:
    saliency = read(tree, PEOPLE, ["saliency"])["saliency"]
    assert saliency[3, 4:8].tolist() == [0, 0, 1, 1]  # stored as 0, 127, 128, 255
    assert saliency.dtype == np.float32


def test_normals_have_length_1_and_are_known_where_a_network_could_know_them(tree: Path) -> None:
    normals = read(tree, PEOPLE, ["normals"])["normals"]
    # Stored with x left, y up, z to the camera.
    np.testing.assert_allclose(normals[0, 0], [0, 0, -1], atol=0.01)
    np.testing.assert_allclose(normals[3, 5], [-0.6, 0, -0.8], atol=0.01)
    np.testing.assert_allclose(normals[3, 6], [0, -1, 0], atol=0.01)
    # Too short and too long, which no network cares for; in the middle of the codes there is none.
    np.testing.assert_allclose(normals[3, 8], [0, 0, -1], atol=0.03)
    np.testing.assert_allclose(normals[3, 9], np.full(3, -(3**-0.5)), atol=0.01)
    known = ~np.isnan(normals).any(axis=-1)
    expected = np.ones(SIZE, np.bool_)
    expected[3, 7] = False
    expected[20:] = False  # sky
    np.testing.assert_array_equal(known, expected)
    np.testing.assert_allclose(np.linalg.norm(normals[known], axis=-1), 1, rtol=1e-6)


def test_turned_normals_are_refused(tree: Path) -> None:
    with pytest.raises(ValueError, match=r"`normals_axes` \(-1, -1, 1\).*2008_000002"):
        read(tree, PEOPLE, ["normals"], normals_axes=(-1, -1, 1))


def test_edges_are_lines_of_one_pixel_between_regions(tree: Path) -> None:
    edges = read(tree, PEOPLE, ["edges"])["edges"]
    assert set(np.unique(edges)) == {0, 1}
    # Wall and person meet at column 10, both and the sky at row 20.
    assert edges[5, 8:12].sum() == 1
    assert edges[18:22, 5].sum() == 1
    assert edges[:8, :9].sum() == 0


def test_only_files_of_what_is_asked_for_are_opened(copied: Path) -> None:
    for folder in FOLDERS:
        if folder not in ("JPEGImages", "sal_distill"):
            shutil.rmtree(copied / folder)
    data = PASCALContext(copied, SIZE, tasks=["saliency"])
    data.setup("fit")
    assert data.samples["train"][0].keys() == {"image", "name", "saliency"}


def test_edges_need_no_normals(copied: Path) -> None:
    shutil.rmtree(copied / "normals_distill")
    data = PASCALContext(copied, SIZE, tasks=["edges"])
    assert "edges" in data.reader()(data.records("train")[0], data.reads)
    with pytest.raises(DatasetNotFoundError, match=r"`normals_distill` beside `JPEGImages`"):
        PASCALContext(copied, SIZE).reader()


@pytest.mark.parametrize("content", ["", "a\na\n", "../a\n"])
def test_wrong_lists_are_named(copied: Path, content: str) -> None:
    (copied / "ImageSets" / "Context" / "train.txt").write_text(content)
    with pytest.raises(UnreadableFileError, match=r"Context/train\.txt.*one distinct id per line"):
        PASCALContext(copied, SIZE).records("train")


def test_a_missing_list_is_named(copied: Path) -> None:
    shutil.rmtree(copied / "ImageSets")
    with pytest.raises(DatasetNotFoundError, match=r"Context/train\.txt"):
        PASCALContext(copied, SIZE).records("train")


@pytest.mark.parametrize("folder", [each for each in FOLDERS if each != "semseg/pascal-context"])
@pytest.mark.parametrize("share", [None, 0.0, 0.5])
def test_missing_empty_and_truncated_files_are_named(
    copied: Path, folder: str, share: float | None
) -> None:
    file = copied / folder / f"{PEOPLE}{FOLDERS[folder]}"
    content = file.read_bytes()
    file.unlink() if share is None else file.write_bytes(content[: int(share * len(content))])
    error = FileNotFoundError if share is None else UnreadableFileError
    # Without the label of people, the derived one is what is missing.
    with pytest.raises(error, match=PEOPLE):
        read(copied, PEOPLE, ALL)


def change_parts(change: Callable[[list], None]) -> Callable[[Path], None]:
    def damage(root: Path) -> None:
        things = fakes.objects(PEOPLE)
        change(things)
        fakes.write_annotation(root / "human_parts" / f"{PEOPLE}.mat", things)

    return damage


def wrong_name(things: list) -> None:
    things[0][3][0, 0]["part_name"] = "wing"


def wrong_mask(things: list) -> None:
    things[0][3][0, 1]["mask"] = np.ones((3, 3), np.uint8)


def picture(folder: str, pixels: np.ndarray) -> Callable[[Path], None]:
    return lambda root: Image.fromarray(pixels).save(root / folder / f"{PEOPLE}.png")


def regions(pixels: np.ndarray) -> Callable[[Path], None]:
    return lambda root: fakes.write_regions(root, PEOPLE, pixels)


def other_variable(root: Path) -> None:
    scipy.io.savemat(root / "pascal-context/trainval" / f"{PEOPLE}.mat", {"Labels": np.ones(SIZE)})


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (picture("semseg/VOC12", np.full(SIZE, 21, np.uint8)), "class ids up to 20.*found 21"),
        (picture("semseg/VOC12", np.full(SIZE, 3, np.uint16)), "8-bit class ids"),
        (picture("semseg/VOC12", np.zeros((8, 8), np.uint8)), "24 x 32 pixels, found 8 x 8"),
        (picture("sal_distill", np.zeros(SIZE, np.uint16)), "8-bit grey"),
        (picture("normals_distill", np.zeros(SIZE, np.uint8)), "8-bit RGB"),
        (picture("normals_distill", np.full((8, 8, 3), 200, np.uint8)), "24 x 32 pixels"),
        (regions(np.full(SIZE, 460, np.uint16)), "ids up to 459, found values from 460 to 460"),
        (regions(np.full(SIZE, 1.5)), "`LabelMap`, integers"),
        (regions(np.full((8, 8), 2, np.uint16)), "`LabelMap` should have the image's 24 x 32"),
        (other_variable, "`LabelMap`, a map of ids, found KeyError"),
        (change_parts(wrong_name), "call the parts of people .*found `wing`"),
        (
            change_parts(wrong_mask),
            r"masks of the image's 24 x 32 pixels, found the shape \(3, 3\)",
        ),
    ],
)
def test_wrong_content_is_named(copied: Path, damage: Callable[[Path], None], message: str) -> None:
    damage(copied)
    with pytest.raises(UnreadableFileError, match=message) as error:
        read(copied, PEOPLE, ALL)
    assert PEOPLE in str(error.value)


def test_check_counts_and_has_nothing_against_photos_without_people(tree: Path) -> None:
    report = check(PASCALContext(tree, SIZE), processes=0)
    assert [problem.message for problem in report.problems] == [
        f"the split `{split}` has 2 of the official {count} samples"
        for split, count in (("train", 4998), ("val", 5105), ("test", 5105))
    ]
    assert report.splits["train"].tasks["human_parts"].empty == 1


def test_labels_that_are_missing_are_said_before_training(copied: Path) -> None:
    for folder in ("semseg/VOC12", "human_parts"):
        (copied / folder / f"{PEOPLE}{FOLDERS[folder]}").unlink()
    with pytest.raises(FileNotFoundError, match=r"found 2 of these files missing"):
        PASCALContext(copied, SIZE).setup("fit")
