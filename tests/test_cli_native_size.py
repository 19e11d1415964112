"""`lightning test` at the size on disk, as users type it, beside the benchmark's own script."""

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from cityscapesscripts.evaluation import evalPixelLevelSemanticLabeling as official

from tests.fakes import street
from tests.fakes.street import CHECKPOINT
from vtagml.cli import main

pytestmark = pytest.mark.usefixtures("no_pictures")  # they are looked at elsewhere
SIZE = (88, 200)  # no multiple of the network's
DEPTH = "{class_path: vtagml.tasks.Depth, init_args: {scale: 20}}"
CONFIG = street.config(street.SEGMENTATION, DEPTH)
MIRRORED = "--augmented_testing.flip=true"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scenes in the tree of Cityscapes, a config, and a run of one step."""
    folder = tmp_path_factory.mktemp("street")
    height, width = map(str, SIZE)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        scenes = ["scenes", "--as", "cityscapes", "--out", "cityscapes", "--count", "12"]
        main([*scenes, "--size", height, width, "--processes", "0"])
        street.train(CONFIG)
    return folder


@pytest.fixture(autouse=True)
def _in_a_copy(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(trained, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")


def run(command: str, folder: str, *words: str) -> None:
    place = (f"--trainer.default_root_dir={folder}", f"--ckpt_path={CHECKPOINT}")
    main([command, "--config", "street.yaml", *place, *words])


def results(folder: str, *words: str) -> dict[str, Any]:
    run("test", folder, *words)
    return json.loads(Path(folder, "metrics.json").read_text())


def written(folder: str, kind: str) -> list[Path]:
    return sorted(Path(folder, "submission", kind).glob("*.png"))


def official_miou(folder: str) -> float:
    """What the benchmark's script says of the files that `predict` wrote."""
    labels = sorted(map(str, Path("cityscapes/gtFine/val").rglob("*_labelIds.png")))
    assert len(written(folder, "segmentation")) == len(labels) == 3
    settings = official.args
    settings.evalInstLevelScore, settings.JSONOutput, settings.quiet = False, False, True
    files = [str(file) for file in written(folder, "segmentation")]
    return official.evaluateImgLists(files, labels, settings)["averageScoreClasses"]


def disk_rmse(folder: str) -> float:
    """The error of the depth that `predict` wrote, against the disparities on disk."""
    errors = []
    for file in written(folder, "depth"):
        name = file.name.removesuffix("_depth.png")
        codes = cv2.imread(str(labels_of(name, "disparity.png")), cv2.IMREAD_UNCHANGED)
        camera = json.loads(labels_of(name, "camera.json").read_text())
        focal = camera["extrinsic"]["baseline"] * camera["intrinsic"]["fx"]
        metres = focal / (np.where(codes > 1, codes, np.nan) - 1) * 256
        metres[metres > 80] = np.nan
        errors.append(cv2.imread(str(file), cv2.IMREAD_UNCHANGED) / 256 - metres)
    return float(np.sqrt(np.nanmean(np.square(errors))))


def labels_of(name: str, ending: str) -> Path:
    folder = ending.partition(".")[0]
    return Path("cityscapes", folder, "val/frankfurt", f"{name}_{ending}")


@pytest.mark.parametrize(
    "views",
    [
        pytest.param((), marks=pytest.mark.slow),  # each view as it is, and two of them flipped
        (MIRRORED, "--augmented_testing.scales=[0.5, 1.0]"),
    ],
)
def test_the_benchmarks_script_finds_the_same_of_what_is_written(views: tuple[str, ...]) -> None:
    found = results("run", *views)
    run("predict", "run", *views)
    ids = cv2.imread(str(written("run", "segmentation")[0]), cv2.IMREAD_UNCHANGED)
    assert ids.shape == SIZE
    assert len(np.unique(ids)) > 3  # or the test would say little
    metrics = found["metrics"]["model"]
    assert metrics["segmentation"]["miou"] == pytest.approx(official_miou("run"), abs=1e-6)
    # Files hold depth in steps of 1/256 m.
    assert metrics["depth"]["rmse"] == pytest.approx(disk_rmse("run"), abs=2e-3)
    assert found["metrics"]["prior"].keys() == metrics.keys()
    assert found["provenance"]["data"]["settings"]["evaluated_at"] == "native"


def test_every_way_to_evaluate_is_named_and_none_are_mixed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    once, mirrored = results("once"), results("mirrored", MIRRORED)
    network = results("network", "--data.evaluated_at=network")
    assert once["provenance"]["augmented_testing"] == {"flip": False, "scales": [1.0]}
    assert mirrored["provenance"]["augmented_testing"] == {"flip": True, "scales": [1.0]}
    assert network["provenance"]["data"]["settings"]["evaluated_at"] == "network"
    assert mirrored["metrics"]["model"] != once["metrics"]["model"]
    assert network["metrics"]["model"] != once["metrics"]["model"]
    assert mirrored["metrics"]["prior"] == once["metrics"]["prior"]
    assert network["metrics"]["prior"] != once["metrics"]["prior"]
    capsys.readouterr()
    for other, said in (
        ("mirrored", "augmented testing: {'flip': False"),
        ("network", "evaluated at: na"),
    ):
        with pytest.raises(SystemExit):
            main(["report", "once", other])
        assert said in " ".join(capsys.readouterr().err.split())
