"""`lightning predict` as users type it."""

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import yaml
from lightning import Trainer
from PIL import Image

from datamodules import ImageFolder, Resize, Scenes
from tests.fakes import cityscapes, errors
from vtagml.cli import main
from vtagml.inference.trained import TrainedRun, labels_of

CPU = "--trainer.accelerator=cpu"


@pytest.fixture
def run(demo_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy elsewhere; the working directory has nothing of the training."""
    monkeypatch.chdir(tmp_path)
    return shutil.copytree(demo_run, tmp_path / "moved")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "my photos"
    (folder / "trip").mkdir(parents=True)
    random = np.random.default_rng(0)
    Image.fromarray(random.integers(0, 256, (50, 90, 3), np.uint8)).save(folder / "wide.png")
    exif = Image.Exif()
    exif[274] = 6
    grey = Image.fromarray(random.integers(0, 256, (40, 70), np.uint8))
    grey.save(folder / "trip" / "turned.jpg", exif=exif)
    return folder


def checkpoint(run: Path) -> str:
    return str(run / "checkpoints" / "last.ckpt")


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def error_of(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    return errors.error_of(["predict", *words, CPU], capsys)


def test_photos_need_a_checkpoint_alone(
    run: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(
        [
            "predict",
            "--ckpt_path",
            checkpoint(run),
            "--images",
            str(photos),
            CPU,
            "--data.workers=0",
        ]
    )
    out = run / "predictions" / "my photos"
    assert f"2 images are in `{out}`" in capsys.readouterr().out
    tasks = ("segmentation", "depth", "normals", "edges")
    names = ("wide", "trip/turned")
    pictures = {f"pictures/{name}_{task}.png" for name in names for task in tasks}
    numbers = {f"numbers/{task}/{name}.png" for name in names for task in tasks}
    assert files_in(out) == pictures | numbers | {"numbers/classes.json", "source.json"}
    # Each in the photo's own size, upright.
    for name, size in (("wide", (50, 90)), ("trip/turned", (70, 40))):
        for task in tasks:
            for file in (f"pictures/{name}_{task}.png", f"numbers/{task}/{name}.png"):
                image = cv2.imread(str(out / file), cv2.IMREAD_UNCHANGED)
                assert image.shape[:2] == size, file
    depth = cv2.imread(str(out / "numbers/depth/wide.png"), cv2.IMREAD_UNCHANGED)
    assert depth.dtype == np.uint16
    assert depth.min() > 0
    # In the colours of the training.
    labels = labels_of(yaml.safe_load((run / "config.yaml").read_text()))["segmentation"]
    named = yaml.safe_load((out / "numbers/classes.json").read_text())["segmentation"]
    assert tuple(named) == labels.names
    ids = np.asarray(Image.open(out / "numbers/segmentation/wide.png"))
    colours = np.asarray(Image.open(out / "pictures/wide_segmentation.png"))
    assert (colours == np.array(labels.colours, np.uint8)[ids]).all()


@pytest.mark.filterwarnings("ignore:The dirpath has changed")  # Lightning's, of a moved run
def test_photos_are_seen_as_the_test_images_are(run: Path, photos: Path) -> None:
    """A drawn scene that is saved and predicted as a photo has the predictions of the split."""
    main(["predict", "--config", str(run / "config.yaml"), f"--ckpt_path={checkpoint(run)}", CPU])
    folder = run.parent / "runs" / "scenes_sdne" / "predictions"
    settings = yaml.safe_load((run / "config.yaml").read_text())["data"]["init_args"]
    scenes = Scenes(**settings | {"tasks": ["depth"], "image_size": (64, 64)})
    scenes.setup("test")
    image = scenes.samples["test"][1]["image"].permute(1, 2, 0).numpy()
    shutil.rmtree(photos)
    photos.mkdir()
    Image.fromarray(image).save(photos / "scene.png")
    words = ["--ckpt_path", checkpoint(run), "--images", str(photos), "--out", "out"]
    main(["predict", *words, CPU, "--data.workers=0"])
    with np.load(folder / "room-day-test-000001.npz") as arrays:
        expected = arrays["depth"][0]
        ids = arrays["segmentation"]
    codes = cv2.imread("out/numbers/depth/scene.png", cv2.IMREAD_UNCHANGED)
    np.testing.assert_allclose(codes / 256, expected, atol=0.51 / 256)
    assert (np.asarray(Image.open("out/numbers/segmentation/scene.png")) == ids).mean() > 0.999


def test_photos_are_shown_as_the_run_says(
    run: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Any] = []

    def predict(trainer: Trainer, model: Any, datamodule: ImageFolder, **_: Any) -> None:
        shown.append(datamodule.views())

    monkeypatch.setattr(Trainer, "predict", predict)
    own = [Resize((8, 8))]
    monkeypatch.setattr(TrainedRun, "views", lambda run, tasks: own if len(tasks) == 4 else None)
    main(["predict", "--ckpt_path", checkpoint(run), "--images", str(photos), CPU])
    assert shown == [own]


def test_classes_are_numbered_where_the_training_data_are_not_known() -> None:
    with pytest.warns(UserWarning, match="(?s)classes are numbered.*no_such_module"):
        assert labels_of({"data": {"class_path": "no_such_module.Data"}}) == {}


def test_classes_need_no_files() -> None:
    settings = {"root": "/nowhere", "image_size": [64, 128], "label_space": "cityscapes_16"}
    labels = labels_of({"data": {"class_path": "datamodules.Cityscapes", "init_args": settings}})
    assert len(labels["segmentation"].names) == 16


def test_missing_config_is_named(
    run: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "config.yaml").unlink()
    message = error_of(["--ckpt_path", checkpoint(run), "--images", str(photos)], capsys)
    assert str(run / "config.yaml") in message


def test_broken_config_is_named(
    run: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for text in ("model: [", "- a", "model: 1"):
        (run / "config.yaml").write_text(text)
        message = error_of(["--ckpt_path", checkpoint(run), "--images", str(photos)], capsys)
        assert str(run / "config.yaml") in message


def test_folder_without_images_is_named(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty").mkdir()
    message = error_of(["--ckpt_path", checkpoint(run), "--images", "empty"], capsys)
    assert "`empty`" in message
    assert ".jpg" in message


def test_missing_checkpoint_is_named(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message = error_of(["--ckpt_path", "none.ckpt", "--images", str(photos)], capsys)
    assert "`none.ckpt`" in message
    assert "`--ckpt_path`" in error_of(["--images", str(photos)], capsys)
    message = error_of(["--ckpt_path", "last", "--images", str(photos)], capsys)
    assert "`--ckpt_path` must be a checkpoint or the run folder" in message
    assert "found no file `last`" in message


def test_photos_of_two_folders_of_one_name_do_not_mix(
    run: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = shutil.copytree(photos, photos.parent / "other" / photos.name)
    out = run / "predictions" / photos.name
    out.mkdir(parents=True)
    (out / "source.json").write_text(json.dumps({"images": str(photos)}))
    message = error_of(["--ckpt_path", checkpoint(run), "--images", str(other)], capsys)
    assert f"earlier predictions of `{other}`, found in `{out}` those of `{photos}`" in message
    assert files_in(out) == {"source.json"}


def test_checkpoint_of_another_kind_is_named(
    run: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = run / "checkpoints" / "other.ckpt"
    for content in ({"weight": torch.zeros(1)}, torch.zeros(1)):
        torch.save(content, file)
        message = error_of(["--ckpt_path", str(file), "--images", str(photos)], capsys)
        assert "other.ckpt" in message
        assert "`lightning fit`" in message
    file.write_bytes(b"PK no archive")
    assert "other.ckpt" in error_of(["--ckpt_path", str(file), "--images", str(photos)], capsys)
    torch.save({"state_dict": {"layer": torch.zeros(1)}}, file)
    message = error_of(["--ckpt_path", str(file), "--images", str(photos)], capsys)
    assert "not the config's" in message


def test_predictions_do_not_go_among_the_photos(
    run: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--ckpt_path", checkpoint(run), "--images", str(photos), "--out", str(photos)]
    assert "`--out`" in error_of(words, capsys)
    assert len(files_in(photos)) == 2


def test_predictions_do_not_go_among_other_things(
    run: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = Path("mine/pictures/wide_depth.png")
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    words = ["--ckpt_path", checkpoint(run), "--images", str(photos), "--out"]
    assert "found in `mine` other things" in error_of([*words, "mine"], capsys)
    Path("mine/source.json").write_text("{}")
    assert "found in `mine` other things" in error_of([*words, "mine"], capsys)
    assert mine.read_text() == "mine"
    for _ in range(2):
        main(["predict", *words, "own", CPU, "--data.workers=0"])


def test_other_keys_are_refused_by_name(
    run: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--ckpt_path", checkpoint(run), "--images", str(photos), "--model.encoder=x"]
    assert "--model.encoder=x" in error_of(words, capsys)


def test_photos_that_cannot_be_read_are_left_out_and_named(
    run: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (photos / "bad.jpg").write_bytes(b"\xff\xd8\xff")
    (photos / "phone.heic").write_bytes(b"ftypheic")
    words = ["--ckpt_path", checkpoint(run), "--images", str(photos), "--out", "out"]
    main(["predict", *words, CPU, "--data.workers=0", "--data.batch_size=2"])
    said = capsys.readouterr().out
    assert "bad.jpg`, `" in said
    assert "phone.heic`, Pillow does not read `.heic`" in said
    assert "Left out: 2 of 4 images." in said
    assert len(list(Path("out/pictures").rglob("*.png"))) == 2 * 4


def test_one_photo_is_predicted_alone(run: Path, photos: Path) -> None:
    words = ["--ckpt_path", str(run), "--images", str(photos / "wide.png")]
    main(["predict", *words, CPU, "--data.workers=0"])
    assert (run / "predictions/wide/pictures/wide_depth.png").is_file()
    assert len(list((run / "predictions/wide/pictures").rglob("*"))) == 4


def test_a_folder_of_bad_photos_alone_ends_with_2(
    run: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in photos.rglob("*.*"):
        file.write_bytes(b"no picture")
    message = error_of(["--ckpt_path", checkpoint(run), "--images", str(photos)], capsys)
    assert "none of 2 that can be read" in message
    assert len(message.splitlines()) == 1


@pytest.mark.filterwarnings("ignore:The dirpath has changed")
def test_a_dataset_is_predicted_in_its_own_format(run: Path) -> None:
    """Cityscapes, whose images are larger than the network's input."""
    root = cityscapes.write_tree(run.parent / "cityscapes")
    config = yaml.safe_load((run / "config.yaml").read_text())
    config["model"]["init_args"]["tasks"][0]["init_args"]["classes"] = 8
    config["data"] = {
        "class_path": "datamodules.Cityscapes",
        "init_args": {
            "root": str(root),
            "image_size": [64, 64],
            "label_space": "vkitti2_8",
            "workers": 0,
        },
    }
    config["trainer"]["default_root_dir"] = str(run)
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    main(["predict", "--config", str(run / "config.yaml"), f"--ckpt_path={checkpoint(run)}"])
    name = "frankfurt_000001_000019"
    ids = cv2.imread(
        str(run / f"submission/segmentation/{name}_labelIds.png"), cv2.IMREAD_UNCHANGED
    )
    assert ids.shape == cityscapes.SIZE
    assert set(np.unique(ids)) <= {7, 11, 17, 19, 20, 21, 23, 26}
    depth = cv2.imread(str(run / f"submission/depth/{name}_depth.png"), cv2.IMREAD_UNCHANGED)
    assert (depth.dtype, depth.shape) == (np.uint16, cityscapes.SIZE)
    assert len(files_in(run / "submission")) == 2 * 4
    assert not list((run / "predictions").glob("*.npz"))
    with Image.open(run / f"predictions/{name}_normals.png") as picture:
        assert picture.size == cityscapes.SIZE[::-1]
