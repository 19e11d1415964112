"""Every adaptation of `experiments/` runs through the real command line, small."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.fakes.small import SMALL_TRAINER
from vtagml.cli import main

FOLDER = Path(__file__).parents[2] / "experiments"
OVERLAY = FOLDER / "small_uda.yaml"
CONFIGS = sorted(FOLDER.glob("uda_*.yaml"))
SCENES_CONFIGS = [path for path in CONFIGS if path.stem.startswith("uda_scenes")]
DATASET_CONFIGS = [path for path in CONFIGS if path not in SCENES_CONFIGS]
SOURCE_ONLY = "_source_only"
SIDE = 64

DOMAINS = ("source", "target")
SMALL_DATA = [
    f"--data.{domain}.init_args.{setting}"
    for domain in DOMAINS
    for setting in (f"image_size=[{SIDE}, {SIDE}]", "batch_size=2", "workers=0")
]
SMALL = [
    f"--model.encoder.init_args.backbone.init_args.image_size=[{SIDE}, {SIDE}]",
    *SMALL_DATA,
    *SMALL_TRAINER,
]
SMALL_SCENES = [
    f"--data.{domain}.init_args.{setting}"
    for domain in DOMAINS
    for setting in ("train=4", "val=2", "test=2", "cache=null")
]


def check_results(run: Path) -> None:
    results = json.loads((run / "metrics.json").read_text())
    assert results["metrics"]["model"].keys() == results["metrics"]["prior"].keys()
    assert results["provenance"]["data"]["class"] == "Adaptation"
    assert (run / "checkpoints" / "last.ckpt").is_file()


@pytest.mark.parametrize("config", SCENES_CONFIGS, ids=lambda path: path.stem)
def test_config_trains_and_tests(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    main(["fit", "--config", str(config), *SMALL, *SMALL_SCENES])
    check_results(tmp_path / "runs" / config.stem)
    assert not (tmp_path / "None").exists()  # where scenes would be kept by `cache=null`


@pytest.mark.parametrize("config", DATASET_CONFIGS, ids=lambda path: path.stem)
def test_dataset_config_fits_tests_and_predicts(
    config: Path, stand_in: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = words_for(config, stand_in)
    main(["fit", *words])
    run = tmp_path / "runs" / f"{config.stem}+small_uda"
    check_results(run)
    main(["predict", *words])
    assert any((run / "predictions").iterdir())


def words_for(config: Path, stand_in: Callable[[str], Path]) -> list[str]:
    source, target = config.stem.removeprefix("uda_").split("_to_")
    places = {"source": stand_in(source), "target": stand_in(target.split("_")[0])}
    roots = [f"--data.{domain}.init_args.root={root}" for domain, root in places.items()]
    return ["--config", str(config), "--config", str(OVERLAY), *roots, *SMALL]


def test_corrected_map_of_classes_runs_by_the_words_of_the_head_comment(
    stand_in: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = FOLDER / "uda_vkitti2_to_cityscapes_sd.yaml"
    lines = config.read_text().splitlines()
    said = next(line for line in lines if "label_space vkitti2_8 " in line).removeprefix("#")
    main(["fit", *words_for(config, stand_in), *said.split(), "--test_after_fit=false"])
    kept = yaml.safe_load(Path("runs", f"{config.stem}+small_uda", "config.yaml").read_text())
    for domain in DOMAINS:
        found = kept["data"]["init_args"][domain]["init_args"]["label_space"]
        assert found == "vkitti2_8"
    assert said.count("vkitti2_8") == len(DOMAINS)


@pytest.mark.parametrize(
    "config", [path for path in CONFIGS if SOURCE_ONLY not in path.stem], ids=lambda path: path.stem
)
def test_config_without_adaptation_differs_in_nothing_else(config: Path) -> None:
    adapted = yaml.safe_load(config.read_text())
    alone = yaml.safe_load(config.with_name(f"{config.stem}{SOURCE_ONLY}.yaml").read_text())
    assert adapted["model"].pop("class_path") == "vtagml.objectives.Adversarial"
    assert alone["model"].pop("class_path") == "vtagml.MultitaskModule"
    adapted["model"]["init_args"].pop("discriminators")
    assert alone == adapted


def test_domains_have_one_size_and_rooms_of_their_own() -> None:
    for path in CONFIGS:
        config = yaml.safe_load(path.read_text())
        backbone = config["model"]["init_args"]["encoder"]["init_args"]["backbone"]["init_args"]
        source, target = (config["data"]["init_args"][domain]["init_args"] for domain in DOMAINS)
        assert source["image_size"] == target["image_size"] == backbone["image_size"], path.stem
        assert source.get("label_space") == target.get("label_space"), path.stem
        if path in SCENES_CONFIGS:
            assert source["scene_seed"] != target["scene_seed"], path.stem
