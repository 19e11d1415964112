"""Every base of two domains runs through the real command line, small, adapted and alone."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import yaml

from tests.fakes.experiments import FOLDER, SMALL_TWO_DOMAINS, name_of, resolved, sized, words_of
from tests.fakes.small import SMALL_TRAINER
from vtagml.cli import main

pytestmark = pytest.mark.usefixtures("no_pictures")  # they are looked at elsewhere
SCENES = FOLDER / "scenes_to_dusk_sdn.yaml"
CONFIGS = sorted(FOLDER.glob("*_to_*.yaml"))
STREETS, ROOMS = (FOLDER / f"methods/adversarial{kind}.yaml" for kind in ("", "_rooms"))
ADAPTED = [(path, ROOMS if path == SCENES else STREETS) for path in CONFIGS]
ALONE = FOLDER / "synthia_to_cityscapes_sd.yaml"
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


@pytest.mark.parametrize(
    "configs", [pytest.param((SCENES,), marks=pytest.mark.slow), (SCENES, ROOMS)], ids=name_of
)
def test_config_trains_and_tests(
    configs: tuple[Path, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    main(["fit", *words_of(configs), *SMALL, *SMALL_SCENES])
    check_results(tmp_path / "runs" / name_of(configs))
    assert not (tmp_path / "None").exists()  # where scenes would be kept by `cache=null`


@pytest.mark.slow  # rooms are the fast one
@pytest.mark.parametrize(
    "configs", [(ALONE,), *(configs for configs in ADAPTED if SCENES not in configs)], ids=name_of
)
def test_dataset_config_fits_tests_and_predicts(
    configs: tuple[Path, ...],
    stand_in: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    words = words_for(configs, stand_in)
    main(["fit", *words])
    run = tmp_path / "runs" / name_of(sized(configs, SMALL_TWO_DOMAINS))
    check_results(run)
    main(["predict", *words])
    assert any((run / "predictions").iterdir())


def words_for(configs: Sequence[Path], stand_in: Callable[[str], Path]) -> list[str]:
    source, target = configs[0].stem.split("_to_")
    places = {"source": stand_in(source), "target": stand_in(target.split("_")[0])}
    roots = [f"--data.{domain}.init_args.root={root}" for domain, root in places.items()]
    return [*words_of(sized(configs, SMALL_TWO_DOMAINS)), *roots, *SMALL]


@pytest.mark.slow
def test_corrected_map_of_classes_runs_by_the_words_of_the_head_comment(
    stand_in: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = FOLDER / "vkitti2_to_cityscapes_sd.yaml"
    lines = config.read_text().splitlines()
    said = next(line for line in lines if "label_space vkitti2_8 " in line).removeprefix("#")
    words = words_for([config, STREETS], stand_in)
    run = tmp_path / "run"
    alone = ["--test_after_fit=false", f"--trainer.default_root_dir={run}"]
    main(["fit", *words, *said.split(), *alone])
    kept = yaml.safe_load((run / "config.yaml").read_text())
    for domain in DOMAINS:
        found = kept["data"]["init_args"][domain]["init_args"]["label_space"]
        assert found == "vkitti2_8"
    assert said.count("vkitti2_8") == len(DOMAINS)


@pytest.mark.parametrize("configs", ADAPTED, ids=name_of)
def test_config_without_adaptation_differs_in_nothing_else(configs: tuple[Path, ...]) -> None:
    adapted, alone = resolved(configs), resolved(configs[:1])
    objectives = [
        config["model"]["init_args"].pop("objective")["class_path"] for config in (adapted, alone)
    ]
    assert objectives == ["vtagml.objectives.Adversarial", "vtagml.objectives.SumOfTasks"]
    for part in ("model", "data"):
        assert alone[part] == adapted[part]


def test_domains_have_one_size_and_rooms_of_their_own() -> None:
    for path in CONFIGS:
        config = resolved([path])
        backbone = config["model"]["init_args"]["encoder"]["init_args"]["backbone"]["init_args"]
        source, target = (config["data"]["init_args"][domain]["init_args"] for domain in DOMAINS)
        assert source["image_size"] == target["image_size"] == backbone["image_size"], path.stem
        assert source.get("label_space") == target.get("label_space"), path.stem
        if path == SCENES:
            assert source["scene_seed"] != target["scene_seed"], path.stem
