"""Predictions in the files of the datasets: names, codes, and that the datasets' readers agree."""

import fnmatch
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torchmetrics.classification import MulticlassJaccardIndex

from datamodules import (
    VKITTI2,
    Cityscapes,
    FileDataModule,
    NYUDv2,
    PASCALContext,
    Scenes,
    Synthia,
    Taskonomy,
)
from datamodules.predictions import Encoding, Metres, Normals, PredictionFormat, Shares
from tests.fakes import cityscapes, nyudv2, pascal_context, synthia, taskonomy, vkitti2

NAN = float("nan")
SIZE = (64, 128)
CLASSES = ("segmentation", "human_parts")
# The ids of the benchmark's 19 classes, in the order of the train ids.
IDS_OF_19 = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)


def png(file: Path) -> np.ndarray:
    return cv2.imread(str(file), cv2.IMREAD_UNCHANGED)


def write(form: PredictionFormat, folder: Path, name: str, task: str, *values) -> np.ndarray:
    """Writes a prediction of one row, and reads the file with OpenCV alone."""
    prediction = np.array([values], np.int64 if task in CLASSES else np.float32)
    if prediction.ndim == 3:
        prediction = prediction.transpose(2, 0, 1)
    elif task not in CLASSES:
        prediction = prediction[None]
    form.write(folder, name, task, prediction)
    (file,) = (path for path in folder.rglob("*.png"))
    assert file == folder / form.file(name, task)
    return png(file)


def test_depth_is_the_nearest_code_that_means_a_depth() -> None:
    # 2.5 · 256 = 640; 255.998 · 256 = 65535.488 is cut, as is 1 km; 0 would mean unknown, as does
    # NaN; 1.23 m are 314.88 steps.
    depth = np.array([[2.5, 255.998, 1000, np.inf, 0, NAN, 1.23]], np.float32)
    codes = Metres(256)(depth)
    assert codes.dtype == np.uint16
    assert codes.tolist() == [[640, 65535, 65535, 65535, 1, 0, 315]]
    assert Metres(100, farthest=65534)(depth)[0, :4].tolist() == [250, 25600, 65534, 65534]


def test_depth_of_labels_is_invalid_where_unknown_or_too_far() -> None:
    depth = np.array([[1.0, 1.0007, 127.9962, 128.0, 500.0, np.nan]], np.float32)
    # 512 codes per metre: 1.0007 m is 512.36, 127.9962 m is 65534.05; 128 m would be 65536.
    codes = Metres(512, nearest=0, unknown=65535)(depth)
    assert codes.tolist() == [[512, 512, 65534, 65535, 65535, 65535]]


def test_synthia_depth_is_in_all_three_channels(tmp_path: Path) -> None:
    form = Synthia("", SIZE, label_space="cityscapes_16").prediction_format
    assert write(form, tmp_path, "0000001", "depth", 12.34).tolist() == [[[1234, 1234, 1234]]]


def test_normals_are_centred_at_half_of_255() -> None:
    normals = np.array([[[0, 0, -1], [0.28, -0.96, 0], [NAN, NAN, NAN]]], np.float32)
    # 127.5 · 1.28 = 163.2, 127.5 · 0.04 = 5.1, 127.5 is rounded to the even 128.
    assert Normals()(normals).tolist() == [[[128, 128, 0], [163, 5, 128], [128, 128, 128]]]
    # 127.5 · 0.72 = 91.8, 127.5 · 1.96 = 249.9.
    turned = Normals((-1, -1, -1))(normals)
    assert turned.tolist() == [[[128, 128, 255], [92, 250, 128], [128, 128, 128]]]


def test_shares_fill_the_bits() -> None:
    shares = np.array([[0, 0.2, 1, 1.5, NAN]], np.float32)
    assert Shares()(shares).tolist() == [[0, 13107, 65535, 65535, 0]]
    assert Shares(255)(shares).tolist() == [[0, 51, 255, 255, 0]]
    assert Shares(255)(shares).dtype == np.uint8


def test_cityscapes_classes_are_label_ids(tmp_path: Path) -> None:
    form = Cityscapes("", SIZE, label_space="cityscapes_19").prediction_format
    written = write(form, tmp_path, "ulm_000000_000019", "segmentation", *range(19))
    assert written.dtype == np.uint8
    assert written.tolist() == [list(IDS_OF_19)]


@pytest.mark.parametrize(
    ("space", "ids"),
    [
        ("cityscapes_16", [7, 8, 11, 12, 13, 17, 19, 20, 21, 23, 24, 25, 26, 28, 32, 33]),
        # Cars are the first of the vehicles.
        ("vkitti2_8", [7, 11, 17, 19, 20, 21, 23, 26]),
        ("vkitti2_8_strict", [7, 11, 17, 19, 20, 21, 23, 26]),
    ],
)
def test_cityscapes_label_ids_of_other_spaces(tmp_path: Path, space: str, ids: list[int]) -> None:
    form = Cityscapes("", SIZE, label_space=space).prediction_format
    written = write(form, tmp_path, "ulm_000000_000019", "segmentation", *range(len(ids)))
    assert written.tolist() == [ids]


def test_cityscapes_depth_is_in_256ths_of_a_metre(tmp_path: Path) -> None:
    form = Cityscapes("", SIZE, label_space="cityscapes_19").prediction_format
    written = write(form, tmp_path, "ulm_000000_000019", "depth", 1.0, 80.0)
    assert written.dtype == np.uint16
    assert written.tolist() == [[256, 20480]]
    assert (tmp_path / "depth/ulm_000000_000019_depth.png").is_file()


def test_synthia_classes_are_red(tmp_path: Path) -> None:
    form = Synthia("", SIZE, label_space="cityscapes_16").prediction_format
    written = write(form, tmp_path, "0000007", "segmentation", 0, 10, 15)
    # OpenCV's order is blue, green, red; road 3, pedestrian 10, bicycle 11.
    assert written.dtype == np.uint16
    assert written.tolist() == [[[0, 0, 3], [0, 0, 10], [0, 0, 11]]]
    assert (tmp_path / "GT/LABELS/0000007.png").is_file()


def test_vkitti2_classes_are_colours_in_the_drives_folders(tmp_path: Path) -> None:
    form = VKITTI2("", SIZE, label_space="vkitti2_8").prediction_format
    name = "Scene01_15-deg-left_Camera_1_00042"
    written = write(form, tmp_path, name, "segmentation", 0, 5, 7)
    # Blue, green, red of Road, Vegetation and Car.
    assert written.tolist() == [[[100, 60, 100], [0, 240, 90], [80, 127, 255]]]
    folder = "Scene01/15-deg-left/frames/classSegmentation/Camera_1"
    assert (tmp_path / folder / "classgt_00042.png").is_file()


def test_vkitti2_classes_that_it_does_not_know_are_undefined(tmp_path: Path) -> None:
    form = VKITTI2("", SIZE, label_space="cityscapes_19").prediction_format
    name = "Scene01_clone_Camera_0_00000"
    # Sidewalk is undefined, which is black; a truck is a truck.
    written = write(form, tmp_path, name, "segmentation", 1, 14)
    assert written.tolist() == [[[0, 0, 0], [60, 60, 160]]]


def test_taskonomy_files_have_the_names_of_the_domains() -> None:
    form = Taskonomy("", SIZE).prediction_format
    view = "hanson_point_9_view_2"
    assert {task: form.file(view, task).as_posix() for task in form.tasks} == {
        "segmentation": "segment_semantic/hanson/point_9_view_2_domain_segmentsemantic.png",
        "depth": "depth_zbuffer/hanson/point_9_view_2_domain_depth_zbuffer.png",
        "normals": "normal/hanson/point_9_view_2_domain_normal.png",
        "edges": "edge_texture/hanson/point_9_view_2_domain_edge_texture.png",
    }


def test_nyudv2_depth_is_in_millimetres(tmp_path: Path) -> None:
    form = NYUDv2("", SIZE).prediction_format
    assert write(form, tmp_path, "val_1", "depth", 3.5, 99.0).tolist() == [[3500, 65535]]


def test_pascal_context_has_the_folders_and_ids_of_its_labels(tmp_path: Path) -> None:
    form = PASCALContext("", SIZE).prediction_format
    name = "2008_000002"
    assert {task: form.file(name, task).as_posix() for task in form.tasks} == {
        "segmentation": f"semseg/VOC12/{name}.png",
        "human_parts": f"human_parts/{name}.png",
        "saliency": f"sal_distill/{name}.png",
        "normals": f"normals_distill/{name}.png",
        "edges": f"edge/{name}.png",
    }
    for task, guess, codes in (
        ("segmentation", (0, 15, 20), [[0, 15, 20]]),
        ("human_parts", (0, 6), [[0, 6]]),
        ("saliency", (0.0, 0.5, 1.0), [[0, 128, 255]]),
    ):
        written = write(form, tmp_path / task, name, task, *guess)
        assert (written.dtype, written.tolist()) == (np.uint8, codes)


def test_name_of_another_form_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"`name`.*found 'frame-1'"):
        Taskonomy("", SIZE).prediction_format.file("frame-1", "depth")


def read_cityscapes(root: Path) -> tuple[FileDataModule, Path]:
    return Cityscapes(cityscapes.write_tree(root), (64, 128), workers=0), root / "none"


def read_synthia(root: Path) -> tuple[FileDataModule, Path]:
    data = Synthia(synthia.write_tree(root), (76, 128), depth_range=(0.0, 1000.0), workers=0)
    return data, root / "RAND_CITYSCAPES"


def read_vkitti2(root: Path) -> tuple[FileDataModule, Path]:
    for scene in ("Scene01", "Scene02"):
        vkitti2.write_drive(root, scene)
    scenes = {"train": ["Scene01"], "val": ["Scene02"]}
    data = VKITTI2(root, (48, 64), "vkitti2_14", scenes, depth_range=(0.0, 1000.0), workers=0)
    return data, root


def read_taskonomy(root: Path) -> tuple[FileDataModule, Path]:
    taskonomy.write_view(root, "darden", 9, 2, layout="flat")
    return Taskonomy(root, (64, 64), workers=0), root


def read_nyudv2(root: Path) -> tuple[FileDataModule, Path]:
    tree = nyudv2.write_multitask(root / "NYUDv2", png=True)
    return NYUDv2(tree, (24, 32), edges="boundaries", workers=0), tree


def read_pascal_context(root: Path) -> tuple[FileDataModule, Path]:
    tree = pascal_context.write_tree(root / "PASCAL_MT")
    return PASCALContext(tree, (24, 32), workers=0), tree


# What a label may change by: half a step of the code, and of normals that step in every component.
STEPS = {
    "segmentation": 0.0,
    "saliency": 0.0,
    "depth": 0.5 / 100,
    "normals": 0.008,
    "edges": 0.5 / 255,
}

# What is guessed where a label is unknown.
UNKNOWN = {"segmentation": 1, "saliency": 1.0, "depth": 7.0, "normals": (0, 0, -1), "edges": 0.5}


@pytest.mark.parametrize(
    ("make", "tasks"),
    [
        (read_synthia, ("segmentation", "depth")),
        (read_vkitti2, ("segmentation", "depth")),
        (read_taskonomy, ("segmentation", "depth", "normals", "edges")),
        (read_nyudv2, ("segmentation", "normals", "edges")),
        (read_pascal_context, ("segmentation", "saliency")),
    ],
)
def test_dataset_reads_predictions_as_it_reads_labels(
    tmp_path: Path,
    make: Callable[[Path], tuple[FileDataModule, Path]],
    tasks: tuple[str, ...],
) -> None:
    data, folder = make(tmp_path)
    form = data.prediction_format
    source = data.source("val")
    record = source.records[0]
    labels = source.read(record, tasks)
    guesses = {}
    for task in tasks:
        # Another map than is in the file: mirrored, and known everywhere.
        guess = labels[task][:, ::-1].astype(np.int64 if task == "segmentation" else np.float32)
        unknown = UNKNOWN[task]
        missing = guess == 255 if task == "segmentation" else np.isnan(guess)
        guesses[task] = np.where(missing, unknown, guess).astype(guess.dtype)
        channels = guesses[task][..., None] if guess.ndim == 2 else guesses[task]
        batched = guesses[task] if task == "segmentation" else channels.transpose(2, 0, 1)
        assert (folder / form.file(labels["name"], task)).is_file()
        form.write(folder, labels["name"], task, batched)
    again = source.read(record, tasks)
    for task, guess in guesses.items():
        np.testing.assert_allclose(again[task], guess, rtol=0, atol=STEPS[task], err_msg=task)


readers = pytest.mark.parametrize(
    "make",
    [
        read_cityscapes,
        read_synthia,
        read_vkitti2,
        read_taskonomy,
        read_nyudv2,
        read_pascal_context,
    ],
)
# Two pixels as the tasks predict them.
PREDICTED = {
    "segmentation": (0, 1),
    "human_parts": (0, 1),
    "saliency": (0.2, 0.9),
    "depth": (1.0, 2.0),
    "normals": ((0, 0, -1), (0, 1, 0)),
    "edges": (0.2, 0.9),
}


@readers
def test_every_task_has_a_file_that_tells_its_values_apart(
    tmp_path: Path, make: Callable[[Path], tuple[FileDataModule, Path]]
) -> None:
    data, _ = make(tmp_path / "data")
    form, name = data.prediction_format, records_of(data, "val")[0].name
    for task in form.tasks:
        pixels = write(form, tmp_path / task, name, task, *PREDICTED[task])[0]
        assert (pixels[0] != pixels[1]).any(), task


@readers
def test_no_two_predictions_share_a_file(
    tmp_path: Path, make: Callable[[Path], tuple[FileDataModule, Path]]
) -> None:
    data, _ = make(tmp_path)
    names = [record.name for split in ("train", "val") for record in records_of(data, split)]
    form = data.prediction_format
    assert form.tasks == set(data.offers)
    files = [form.file(name, task) for name in names for task in data.offers]
    assert len(set(files)) == len(files)
    assert not any(file.is_absolute() or ".." in file.parts for file in files)


def records_of(data: FileDataModule, split: str) -> list:
    return [] if isinstance(data, Taskonomy) and split == "train" else list(data.records(split))


def official_scores(truths: Path, results: Path) -> dict[int, float]:
    """IoU by label id, as the benchmark's script finds files and counts, written anew.

    To every `*_gtFine_labelIds.png` belongs the one PNG anywhere below `results` whose name begins
    with city, sequence and frame. Pixels whose true id is not evaluated do not count.
    """
    counts = np.zeros((256, 256), np.int64)
    found = list(results.rglob("*"))
    for truth in sorted(truths.rglob("*_gtFine_labelIds.png")):
        city, sequence, frame = truth.name.split("_")[:3]
        pattern = f"{city}_{sequence}_{frame}*.png"
        (prediction,) = (file for file in found if fnmatch.fnmatch(file.name, pattern))
        expected, guess = png(truth), png(prediction)
        assert guess.dtype == np.uint8
        assert guess.shape == expected.shape
        np.add.at(counts, (expected, guess), 1)
    counts = counts[list(IDS_OF_19)]
    scores = {}
    for row, id in enumerate(IDS_OF_19):
        union = counts[row].sum() + counts[:, id].sum() - counts[row, id]
        if union:
            scores[id] = counts[row, id] / union
    return scores


def test_cityscapes_files_score_as_the_metric_does(tmp_path: Path) -> None:
    data = Cityscapes(cityscapes.write_tree(tmp_path / "data"), (64, 128), workers=0)
    form = data.prediction_format
    source = data.source("val")
    random = np.random.default_rng(0)
    metric = MulticlassJaccardIndex(19, ignore_index=255, average="none")
    for record in source.records:
        truth = source.read(record, ["segmentation"])["segmentation"]
        wrong = random.random(truth.shape) < 0.3
        guess = np.where(wrong | (truth == 255), random.integers(0, 19, truth.shape), truth)
        metric.update(torch.from_numpy(guess), torch.from_numpy(truth.astype(np.int64)))
        for task in ("segmentation", "depth"):
            values = guess if task == "segmentation" else np.ones((1, 64, 128), np.float32)
            form.write(tmp_path / form.folder, record.name, task, values)
    scores = official_scores(tmp_path / "data/gtFine/val", tmp_path / "submission" / "segmentation")
    assert len(scores) == 19
    np.testing.assert_allclose(list(scores.values()), metric.compute().numpy(), rtol=1e-5)


def test_scenes_have_no_format() -> None:
    assert Scenes(image_size=(32, 32)).prediction_format is None


def test_a_format_is_of_the_tasks_it_has_files_for() -> None:
    form = PredictionFormat({"edges": Encoding("{name}.png", Shares())})
    assert form.tasks == {"edges"}
    assert form.folder == "submission"
    assert form.file("a/b", "edges") == Path("a/b.png")


@pytest.mark.parametrize(
    "name", ["../victim", "a/../../victim", "/victim", "", "..", "a\\b", "a\0b"]
)
def test_names_that_leave_the_format_s_folder_are_refused(tmp_path: Path, name: str) -> None:
    for file in ("{name}", "edges/{name}/edges.png"):
        form = PredictionFormat({"edges": Encoding(file, Shares())})
        with pytest.raises(ValueError, match="a relative path with `/` that stays in its folder"):
            form.write(tmp_path / "out", name, "edges", np.ones((1, 2, 2), np.float32))
    assert not list(tmp_path.iterdir())


def test_link_that_leads_out_of_the_format_s_folder_is_refused(tmp_path: Path) -> None:
    for folder in ("victim", "out"):
        (tmp_path / folder).mkdir()
    (tmp_path / "out" / "a").symlink_to(tmp_path / "victim")
    form = PredictionFormat({"edges": Encoding("{name}.png", Shares())})
    with pytest.raises(ValueError, match="remove the link"):
        form.write(tmp_path / "out", "a/b", "edges", np.ones((1, 2, 2), np.float32))
    assert not list((tmp_path / "victim").iterdir())
