"""Every config of `experiments/` runs through the real command line, small."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from datamodules.writing import LAYOUTS, find_layout, write_scenes
from tests.fakes.small import SMALL, SMALL_FILES
from vtagml.cli import main

FOLDER = Path(__file__).parents[1] / "experiments"
OVERLAY = FOLDER / "small.yaml"
CONFIGS = sorted(set(FOLDER.glob("*.yaml")) - {OVERLAY})
DATASET_CONFIGS = [path for path in CONFIGS if path.stem.split("_")[0] in LAYOUTS]
SCENES_CONFIGS = [path for path in CONFIGS if path not in DATASET_CONFIGS]


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A dataset's folder, as `lightning scenes` writes it; written when it is first asked for."""
    folder = tmp_path_factory.mktemp("data")

    def written(dataset: str) -> Path:
        if not (folder / dataset).exists():
            size = (48, 64) if find_layout(dataset).any_size else None
            write_scenes(dataset, folder / dataset, count=4, size=size, processes=0)
        return folder / dataset

    return written


def check_results(run: Path) -> None:
    results = json.loads((run / "metrics.json").read_text())
    assert results["metrics"]["model"].keys() == results["metrics"]["prior"].keys()
    assert (run / "checkpoints" / "last.ckpt").is_file()
    assert (run / "config.yaml").is_file()


@pytest.mark.parametrize("config", SCENES_CONFIGS, ids=lambda path: path.stem)
def test_config_trains_tests_and_leaves_its_results(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    main(["fit", "--config", str(config), *SMALL])
    check_results(tmp_path / "runs" / config.stem)


@pytest.mark.parametrize("config", DATASET_CONFIGS, ids=lambda path: path.stem)
def test_dataset_config_fits_validates_tests_and_predicts(
    config: Path, tree: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    root = tree(config.stem.split("_")[0])
    words = ["--config", str(config), "--config", str(OVERLAY), f"--data.root={root}", *SMALL_FILES]
    main(["fit", *words])
    run = tmp_path / "runs" / f"{config.stem}+small"
    check_results(run)
    for command in ("validate", "test", "predict"):
        main([command, *words])
    assert any((run / "predictions").iterdir())


@pytest.mark.parametrize("config", DATASET_CONFIGS, ids=lambda path: path.stem)
def test_dataset_config_says_what_to_do_without_the_dataset(
    config: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(["fit", "--config", str(config), "--config", str(OVERLAY), *SMALL_FILES])
    dataset = config.stem.split("_")[0]
    message = capsys.readouterr().err
    assert f"`lightning scenes --as {dataset} --out data/{dataset} --count 40`" in message
    assert "Traceback" not in message


def test_every_dataset_has_its_configs() -> None:
    names = {path.stem for path in DATASET_CONFIGS}
    assert {f"{name}_{tasks}" for name in LAYOUTS for tasks in ("sd", "sdn")} <= names
    assert {"taskonomy_sdne", "nyudv2_sdne"} <= names


def test_a_config_uses_the_class_count_and_size_of_its_data_in_all_places() -> None:
    for path in DATASET_CONFIGS:
        config = yaml.safe_load(path.read_text())
        backbone = config["model"]["init_args"]["encoder"]["init_args"]["backbone"]["init_args"]
        assert backbone["image_size"] == config["data"]["init_args"]["image_size"], path.stem
