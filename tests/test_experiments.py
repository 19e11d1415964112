"""Every config of `experiments/` runs through the real command line, small."""

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml

from datamodules.writing import stand_ins
from tests.fakes.small import SMALL, SMALL_FILES
from vtagml.cli import main

FOLDER = Path(__file__).parents[1] / "experiments"
OVERLAY, SINGLE_TASK_OVERLAY = (FOLDER / f"small{kind}.yaml" for kind in ("", "_single_task"))
# Those of two datasets are run by `domain_adaptation/test_uda_experiments.py`.
ADAPTATIONS = set(FOLDER.glob("*uda*.yaml"))
CONFIGS = sorted(set(FOLDER.glob("*.yaml")) - {OVERLAY, SINGLE_TASK_OVERLAY} - ADAPTATIONS)
DATASET_CONFIGS = [path for path in CONFIGS if path.stem.split("_")[0] in stand_ins()]
# All of them run, but only one of the single-task baselines among the fast tests.
DATASET_CASES = [
    pytest.param(path, marks=pytest.mark.slow if is_slow else (), id=path.stem)
    for path in DATASET_CONFIGS
    for is_slow in [path.stem.endswith("_single_task") and path.stem != "nyudv2_sdne_single_task"]
]
NEW_TASK_CONFIGS = sorted(FOLDER.glob("zero_shot_*_new_task*.yaml"))
ZERO_SHOT_CONFIGS = sorted(set(FOLDER.glob("zero_shot_*.yaml")) - set(NEW_TASK_CONFIGS))
NOVEL_CONFIGS = sorted(FOLDER.glob("novel_*.yaml"))
TRANSFER_CONFIGS = [*NEW_TASK_CONFIGS, *ZERO_SHOT_CONFIGS, *NOVEL_CONFIGS]
SCENES_CONFIGS = [path for path in CONFIGS if path not in {*DATASET_CONFIGS, *TRANSFER_CONFIGS}]


def overlay(config: Path) -> Path:
    return SINGLE_TASK_OVERLAY if config.stem.endswith("_single_task") else OVERLAY


def small_words(config: Path, stand_in: Callable[[str], Path]) -> list[str]:
    """What makes a config small, whichever data it has."""
    data = yaml.safe_load(config.read_text())["data"]["class_path"].split(".")[-1].lower()
    if data == "scenes":
        return ["--config", str(config), *SMALL]
    root = f"--data.root={stand_in(data)}"
    return ["--config", str(config), "--config", str(overlay(config)), root, *SMALL_FILES]


def unfetched(config: Path) -> list[str]:
    """Words that do without weights that `lightning weights` would have to fetch first."""
    encoder = yaml.safe_load(config.read_text())["model"]["init_args"]["encoder"]
    backbone = encoder["init_args"].get("backbone", {}).get("init_args", {})
    fetched = str(backbone.get("weights")).startswith("data/weights/")
    return ["--model.encoder.init_args.backbone.init_args.weights=none"] if fetched else []


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
    main(["fit", "--config", str(config), *SMALL, *unfetched(config)])
    check_results(tmp_path / "runs" / config.stem)


def test_config_on_fetched_weights_says_what_fetches_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(["fit", "--config", str(FOLDER / "scenes_sdne_dinov2.yaml"), *SMALL])
    message = capsys.readouterr().err
    assert "found no file `data/weights/dinov2_small.safetensors`" in message
    assert "`lightning weights dinov2_small` fetches" in message


@pytest.mark.parametrize("config", sorted(FOLDER.glob("scenes_*.yaml")), ids=lambda path: path.stem)
def test_a_config_on_scenes_validates_often_enough_for_a_curve_and_at_its_end(config: Path) -> None:
    settings = yaml.safe_load(config.read_text())
    data, trainer = settings["data"]["init_args"], settings["trainer"]
    epoch = data["train"] // data["batch_size"]
    first = int(epoch * trainer["val_check_interval"])
    steps = range(first, trainer["max_steps"] + 1, epoch)
    assert len(steps) >= 4
    assert steps[-1] == trainer["max_steps"]


def test_validation_changes_no_bit_of_the_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["fit", "--config", str(FOLDER / "scenes_sdne.yaml"), *SMALL, "--test_after_fit=false"]
    weights = []
    for often, batches in enumerate(("0", "1.0")):
        run = tmp_path / str(often)
        own = ["--trainer.max_steps=4", f"--trainer.limit_val_batches={batches}"]
        main([*words, *own, f"--trainer.default_root_dir={run}"])
        last = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
        weights.append(last["state_dict"])
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
    logged = (tmp_path / "1").glob("logs/version_*/metrics.csv")
    assert any("val/depth/rmse" in file.read_text() for file in logged)


@pytest.mark.parametrize("config", DATASET_CASES)
def test_dataset_config_fits_validates_tests_and_predicts(
    config: Path, stand_in: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    root = stand_in(config.stem.split("_")[0])
    words = [
        "--config",
        str(config),
        "--config",
        str(overlay(config)),
        f"--data.root={root}",
        *SMALL_FILES,
    ]
    main(["fit", *words])
    run = tmp_path / "runs" / f"{config.stem}+{overlay(config).stem}"
    check_results(run)
    for command in ("validate", "test", "predict"):
        main([command, *words])
    assert any((run / "predictions").iterdir())


@pytest.mark.parametrize("config", DATASET_CASES)
def test_dataset_config_says_what_to_do_without_the_dataset(
    config: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(["fit", "--config", str(config), "--config", str(overlay(config)), *SMALL_FILES])
    dataset = config.stem.split("_")[0]
    message = capsys.readouterr().err
    assert f"`lightning scenes --as {dataset} --out data/{dataset} --count 40`" in message
    assert "Traceback" not in message


def test_every_dataset_has_its_configs() -> None:
    names = {path.stem for path in DATASET_CONFIGS}
    # Whoever reads folders of their own takes tasks out of the one config there is.
    datasets = stand_ins().keys() - {"folders"}
    assert {f"{name}_{tasks}" for name in datasets for tasks in ("sd", "sdn")} <= names
    assert {"taskonomy_sdne", "nyudv2_sdne", "folders_sdn"} <= names


def test_a_config_uses_the_class_count_and_size_of_its_data_in_all_places() -> None:
    for path in DATASET_CONFIGS:
        config = yaml.safe_load(path.read_text())
        backbone = config["model"]["init_args"]["encoder"]["init_args"]["backbone"]["init_args"]
        assert backbone["image_size"] == config["data"]["init_args"]["image_size"], path.stem


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(path, marks=() if path.stem == "zero_shot_scenes" else pytest.mark.slow)
        for path in ZERO_SHOT_CONFIGS
    ],
    ids=lambda path: path.stem,
)
def test_zero_shot_config_goes_on_from_its_source(
    config: Path, stand_in: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = yaml.safe_load(config.read_text())["model"]["init_args"]
    run = settings["source"]["init_args"]["checkpoint"]
    source = FOLDER / f"{Path(run).name}.yaml"
    last = f"{run}/checkpoints/last.ckpt"
    alone = ["--test_after_fit=false", f"--trainer.default_root_dir={run}"]
    main(["fit", *small_words(source, stand_in), *alone])
    words = [*small_words(config, stand_in), "--trainer.default_root_dir=runs/target"]
    main(["test", *words, f"--ckpt_path={last}"])  # the source as it is
    main(["fit", *words])
    metrics = json.loads((tmp_path / "runs/target/metrics.json").read_text())["metrics"]
    # A prior of the held-out tasks would have to read their labels.
    assert metrics["model"].keys() - metrics["prior"].keys() == set(settings["held_out"])
    weights = [
        torch.load(file, weights_only=True)["state_dict"]
        for file in (last, "runs/target/checkpoints/last.ckpt")
    ]
    (held_out,) = settings["held_out"]
    same = {key for key in weights[0] if torch.equal(*(each[key] for each in weights))}
    decoder = {key for key in weights[0] if f".decoders.{held_out}." in key}
    assert decoder
    assert decoder <= same
    assert any(".adapters." in key for key in weights[0].keys() - same)


@pytest.mark.parametrize("config", NEW_TASK_CONFIGS, ids=lambda path: path.stem)
def test_new_task_config_adds_a_task_to_its_source(
    config: Path, stand_in: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = yaml.safe_load(config.read_text())["model"]["init_args"]
    run = settings["source"]["init_args"]["checkpoint"]
    source = small_words(FOLDER / f"{Path(run).name}.yaml", stand_in)
    main(["fit", *source, "--test_after_fit=false", f"--trainer.default_root_dir={run}"])
    main(["fit", *small_words(config, stand_in)])
    check_results(tmp_path / "runs" / config.stem)
    known, new = (
        json.loads(Path(folder, "affinity.json").read_text())["omega"]
        for folder in (run, f"runs/{config.stem}")
    )
    assert len(new) == len(known) + 1
    for found, row in zip(new, known, strict=False):
        assert found == pytest.approx([*row, 0])
    assert sum(new[-1]) == pytest.approx(1)


@pytest.mark.parametrize("config", NOVEL_CONFIGS, ids=lambda path: path.stem)
def test_novel_config_tests_its_source(
    config: Path, stand_in: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    commands = re.findall(r"^#   lightning (.*(?:(?<=\\)\n#.*)*)", config.read_text(), re.MULTILINE)
    fit, test = (shlex.split(each.replace("\\\n#", " ")) for each in commands)
    source = FOLDER.parent / fit[fit.index("--config") + 1]
    own = fit[fit.index("--config") + 2 :]
    run = Path(test[test.index("--ckpt_path") + 1]).parents[1]
    # As its head says, but for the size; the source's folder is that of which the test reads.
    alone = ["--test_after_fit=false", f"--trainer.default_root_dir={run}"]
    main(["fit", *small_words(source, stand_in), *own, *alone])
    words = [*small_words(config, stand_in), "--trainer.default_root_dir=runs/novel"]
    main(["test", *words, f"--ckpt_path={run}/checkpoints/last.ckpt"])
    metrics = json.loads((tmp_path / "runs/novel/metrics.json").read_text())["metrics"]
    tasks = yaml.safe_load(config.read_text())["model"]["init_args"]["tasks"]
    assert len(metrics["model"]) == len(tasks)
    assert all(metrics["model"].values())


def test_a_config_on_other_data_has_the_network_of_its_source() -> None:
    for path in (*ZERO_SHOT_CONFIGS, *NOVEL_CONFIGS):
        config = yaml.safe_load(path.read_text())["model"]["init_args"]
        word = re.search(r"lightning fit --config experiments/(\w+)\.yaml", path.read_text())
        assert word is not None
        source = yaml.safe_load((FOLDER / f"{word[1]}.yaml").read_text())["model"]["init_args"]
        for each in (config, source):  # the sizes are other, windows the same: said in its head
            del each["encoder"]["init_args"]["backbone"]["init_args"]["image_size"]
        for part in ("tasks", "encoder", "decoders", "affinity"):
            assert config[part] == source[part], (path.stem, part)
