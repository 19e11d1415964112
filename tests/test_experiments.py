"""Every config of `experiments/` runs through the real command line, small: bases and overlays."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import datamodules
from datamodules import Scenes
from datamodules.writing import stand_ins
from tests.fakes import experiments
from tests.fakes.experiments import (
    BASES,
    FOLDER,
    OVERLAYS,
    commands_in_head,
    configs_in,
    name_of,
    resolved,
    shown_with,
    sized,
    words_of,
)
from tests.fakes.small import SMALL, SMALL_FILES, SMALL_MIXTURE, small_parts
from vtagml import encoders, tuning
from vtagml.cli import main
from vtagml.encoders.conditioned import Conditioned

pytestmark = pytest.mark.usefixtures("no_pictures")  # they are looked at elsewhere
Configs = tuple[Path, ...]


def dataset_of(config: Path) -> str | None:
    """The dataset in a config's name, as `lightning scenes` calls it, where it is one of files."""
    return next((word for word in stand_ins() if config.stem.startswith(f"{word}_")), None)


def tasks_in(config: Path) -> int:
    """How many tasks a base has."""
    return len(yaml.safe_load(config.read_text())["model"]["init_args"]["tasks"])


# Those of two datasets are run by `objectives/test_uda_experiments.py`.
ADAPTATIONS = {*FOLDER.glob("*_to_*.yaml"), *FOLDER.glob("methods/adversarial*.yaml")}
# With an objective of their own.
OBJECTIVES = [FOLDER / f"methods/{name}.yaml" for name in ("quality_retaining", "emtal")]
MIXTURES = [FOLDER / f"{name}.yaml" for name in ("views_smc", "fgvc", "vtab_specialised")]
ON_MIXTURES = [
    *OBJECTIVES,
    *sorted(FOLDER.glob("settings/one_head_*.yaml")),
    FOLDER / "settings/one_mean.yaml",
    FOLDER / "backbones/dinov2_views.yaml",
]
MIXTURE_CASES = [*((path,) for path in MIXTURES), *map(shown_with, ON_MIXTURES)]
DATASET_CONFIGS = [path for path in BASES if dataset_of(path) and path not in ADAPTATIONS]
SINGLE_TASK = FOLDER / "methods/single_task.yaml"
ON_DATASETS = [
    *(FOLDER / "backbones/vit_base.yaml", FOLDER / "settings/nyudv2_boundaries.yaml"),
    FOLDER / "settings/cropped.yaml",
]
DATASET_CASES = [
    *((path,) for path in DATASET_CONFIGS),
    (FOLDER / "nyudv2_sdne.yaml", SINGLE_TASK),
    *map(shown_with, ON_DATASETS),
]
FOLDERS = FOLDER / "folders_sdn.yaml"  # the only one of its data
# All of them run; among the fast ones the config of each dataset that has the most tasks.
RICHEST = {
    max((path for path in DATASET_CONFIGS if dataset_of(path) == dataset), key=tasks_in)
    for dataset in set(map(dataset_of, DATASET_CONFIGS))
}
# Of widths that the small networks do not have, and the methods of VMT-Adapter's own network.
NOT_ON_SMALL = [
    *(FOLDER / f"ablations/vmt_lite_{number}.yaml" for number in (6, 12)),
    FOLDER / "backbones/swin_base.yaml",
]
ON_SWIN = [
    *map(shown_with, NOT_ON_SMALL),
    (FOLDER / "pascal_context_sphn.yaml", FOLDER / "methods/vmt.yaml"),
]
ZERO_SHOT, NOVEL = (
    [shown_with(path) for path in sorted(FOLDER.glob(f"settings/{kind}_*.yaml"))]
    for kind in ("zero_shot", "novel")
)
# Of the target whose streets are drawn, too, as its head says.
SYNTHIA = [
    (FOLDER / base.name.replace("cityscapes", "synthia"), setting)
    for base, setting in ZERO_SHOT
    if "cityscapes" in base.stem
]
ZERO_SHOT += SYNTHIA
NEW_TASK = [
    shown_with(FOLDER / name) for name in ("settings/new_edges.yaml", "ablations/uniform_row.yaml")
]
MIXED = FOLDER / "ablations/mixed.yaml"  # by the ω of a run before
METHODS = [
    path
    for path in OVERLAYS
    if path.parent.name == "methods" and path not in {*ADAPTATIONS, *OBJECTIVES}
]
ON_VIT = {FOLDER / "methods/task_prompter.yaml"}  # and on no other backbone
STREAMS = ("Shared", "Separate")
# All of them run; fast are those of which no other fast test trains what they name: methods, or the
# parts that they are made of, are trained by `test_methods.py`, weightings by `test_weightings.py`.
FAST = (
    *("scenes_sdne", "planted", "pretrain_scenes", "probe_scenes"),
    *("shared", "literal", "street"),
)
ELSEWHERE = {
    *ADAPTATIONS,
    *ON_MIXTURES,
    *(configs[-1] for configs in (*ZERO_SHOT, *NOVEL, *NEW_TASK)),
    MIXED,
    *NOT_ON_SMALL,
}
SCENES_CASES = [
    *((path,) for path in BASES if path not in {*DATASET_CONFIGS, *ADAPTATIONS, *MIXTURES}),
    *(shown_with(path) for path in OVERLAYS if path not in {*ELSEWHERE, *ON_DATASETS, SINGLE_TASK}),
]


def first_fast(cases: Sequence[Configs]) -> list[Any]:
    """All of them run, the first among the fast tests."""
    return [cases[0], *(pytest.param(each, marks=pytest.mark.slow) for each in cases[1:])]


def small_words(configs: Sequence[Path], stand_in: Callable[[str], Path]) -> list[str]:
    """What makes an experiment small, whichever data it has."""
    data = getattr(datamodules, resolved(configs)["data"]["class_path"].rpartition(".")[2])
    if data is Scenes:
        return [*words_of(configs), *SMALL]
    overlaid = words_of(sized(configs, experiments.SMALL))
    return [*overlaid, f"--data.root={stand_in(data.layouts[0].word)}", *SMALL_FILES]


def mixture_words(configs: Configs, stand_in: Callable[[str], Path]) -> list[str]:
    """What makes an experiment on a mixture small."""
    drawn = configs[0].stem.startswith("views")
    small = configs if drawn else sized(configs, experiments.SMALL_CLASSES)
    parts = yaml.safe_load(configs[0].read_text())["data"]["init_args"]["parts"]
    return [*words_of(small), small_parts(parts, stand_in), *SMALL_MIXTURE]


def unfetched(configs: Sequence[Path]) -> list[str]:
    """Words that do without weights that `lightning weights` would have to fetch first."""
    fetched = any(path.parent.name == "backbones" for path in configs)
    return ["--model.encoder.init_args.backbone.init_args.weights=none"] if fetched else []


def source_of(settings: Mapping[str, Any]) -> str:
    """The run that a transfer starts from."""
    (callback,) = settings["trainer"]["callbacks"]
    return str(callback["init_args"]["checkpoint"])


def check_results(run: Path) -> None:
    results = json.loads((run / "metrics.json").read_text())
    assert results["metrics"]["model"].keys() == results["metrics"]["prior"].keys()
    assert (run / "checkpoints" / "last.ckpt").is_file()
    assert (run / "config.yaml").is_file()


@pytest.mark.parametrize(
    "configs",
    [
        pytest.param(configs, marks=() if is_fast else pytest.mark.slow)
        for configs in SCENES_CASES
        for is_fast in [configs[-1].stem in FAST]
    ],
    ids=name_of,
)
def test_config_trains_tests_and_leaves_its_results(
    configs: Configs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    main(["fit", *words_of(configs), *SMALL, *unfetched(configs)])
    check_results(tmp_path / "runs" / name_of(configs))


@pytest.mark.parametrize("configs", first_fast(ON_SWIN), ids=name_of)
def test_methods_on_the_papers_swin(
    configs: Configs,
    stand_in: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    data = [f"--data.root={stand_in('pascal_context')}", *SMALL_FILES]
    weights = "--model.encoder.init_args.backbone.init_args.weights=null"
    main(["fit", *words_of(configs), *data, weights])
    check_results(tmp_path / "runs" / name_of(configs))


def test_config_on_fetched_weights_says_what_fetches_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(["fit", *words_of(shown_with(FOLDER / "backbones/dinov2.yaml")), *SMALL])
    message = capsys.readouterr().err
    assert "found no file `data/weights/dinov2_small.safetensors`" in message
    assert "`lightning weights dinov2_small` fetches" in message


@pytest.mark.parametrize("config", ["scenes_sd", "scenes_sdn", "scenes_sdne", "views_smc"])
def test_a_config_of_drawn_data_validates_often_enough_for_a_curve_and_at_its_end(
    config: str,
) -> None:
    settings = resolved([FOLDER / f"{config}.yaml"])
    data, trainer = settings["data"]["init_args"], settings["trainer"]
    parts = [each["init_args"] for each in data.get("parts", [])] or [data]
    epoch = sum(part["train"] for part in parts) // data["batch_size"]
    every = int(epoch * trainer["val_check_interval"])
    own = range(every, epoch + 1, every)  # of one epoch
    epochs = range(0, trainer["max_steps"], epoch)
    steps = [
        start + step for start in epochs for step in own if start + step <= trainer["max_steps"]
    ]
    assert len(steps) >= 4
    assert steps[-1] == trainer["max_steps"]


@pytest.mark.slow
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


@pytest.mark.parametrize(
    "configs",
    [
        pytest.param(configs, marks=() if configs[-1] in RICHEST else pytest.mark.slow)
        for configs in DATASET_CASES
    ],
    ids=name_of,
)
def test_dataset_config_fits_validates_tests_and_predicts(
    configs: Configs,
    stand_in: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [*small_words(configs, stand_in), *unfetched(configs)]
    main(["fit", *words])
    run = tmp_path / "runs" / name_of(sized(configs, experiments.SMALL))
    check_results(run)
    # What `fit` has done already is done once more by the reader of one's own files alone. Other
    # datasets' richest configs, the fast ones, do not predict: `predictions` writes all tasks.
    own = configs[-1] == FOLDERS
    for command in ("validate", "test") if own else ():
        main([command, *words])
    if own or configs[-1] not in RICHEST:
        main(["predict", *words])
        assert any((run / "predictions").iterdir())


@pytest.mark.parametrize(
    "configs",
    [
        # A mixture of sets and one of drawn things; `test_methods.py` trains what is in `emtal`.
        pytest.param(configs, marks=() if is_fast else pytest.mark.slow)
        for configs in MIXTURE_CASES
        for is_fast in [configs[-1].stem in ("fgvc", "quality_retaining")]
    ],
    ids=name_of,
)
def test_mixture_config_fits_validates_tests_and_predicts(
    configs: Configs,
    stand_in: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    small = [*mixture_words(configs, stand_in), *unfetched(configs)]
    words = [*small, "--trainer.default_root_dir=run"]
    main(["fit", *words])
    check_results(tmp_path / "run")
    metrics = json.loads((tmp_path / "run/metrics.json").read_text())["metrics"]["model"]
    tasks = [task["init_args"]["name"] for task in resolved(configs)["model"]["init_args"]["tasks"]]
    assert list(metrics) == tasks
    assert all(metrics[task].keys() == {"accuracy"} for task in tasks)
    main(["predict", *words])
    for task in tasks:  # of the images of each part
        assert any((tmp_path / "run/predictions" / task).rglob(f"*_{task}.png"))


def test_every_dataset_has_its_configs() -> None:
    names = {path.stem for path in DATASET_CONFIGS}
    # Whoever reads folders of their own takes tasks out of the one config there is; PASCAL-Context
    # has no depth.
    alone = {word for word, layouts in stand_ins().items() if layouts[0].alone}
    datasets = alone - {"folders", "pascal_context"}
    assert {f"{name}_{tasks}" for name in datasets for tasks in ("sd", "sdn")} <= names
    assert {"taskonomy_sdne", "nyudv2_sdne", "folders_sdn"} <= names
    assert {"pascal_context_sphn", "pascal_context_sphne"} <= names
    others = {layouts[0].config for word, layouts in stand_ins().items() if word not in alone}
    assert others == {path.stem for path in MIXTURES} - {"views_smc"}


def test_where_no_gradients_compare_tasks_are_conditioned_all_the_same() -> None:
    """With a uniform ω all streams of a network that is called VTAGML would be one."""
    for path in MIXTURES:
        model = resolved([path])["model"]["init_args"]
        assert model["encoder"]["class_path"] == "vtagml.encoders.VTAGML"
        assert model["affinity"]["class_path"] == "vtagml.affinity.Identity", path


def test_a_config_has_one_size_and_the_folder_of_its_dataset() -> None:
    for path in DATASET_CONFIGS:
        config = resolved([path])
        backbone = config["model"]["init_args"]["encoder"]["init_args"]["backbone"]["init_args"]
        data = config["data"]["init_args"]
        assert backbone["image_size"] == data["image_size"], path.stem
        assert data["root"] == f"data/{dataset_of(path)}", path.stem


@pytest.mark.slow
def test_progressive_adapters_are_grouped_by_the_run_that_their_head_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for words in commands_in_head(FOLDER / "methods/progressive.yaml")[1:]:
        configs = configs_in(words)
        own = words[1 + 2 * len(configs) :]
        main(["fit", *words_of(configs), *SMALL, *own, "--test_after_fit=false"])
        run = tmp_path / "runs" / name_of(configs)
    state = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    groups = {key.split(".")[3] for key in state if ".encoder.shared." in key}
    # All four, and the halves that whatever S there is makes of them.
    assert "segmentation+depth+normals+edges" in groups
    assert 2 <= len(groups) <= 3


@pytest.mark.parametrize("method", sorted(set(METHODS) - ON_VIT), ids=lambda path: path.stem)
def test_a_method_changes_nothing_but_the_method(method: Path) -> None:
    base = [FOLDER / "nyudv2_sdn.yaml", experiments.SMALL]
    multitask, other = resolved(base), resolved([*base, method])
    for config in (multitask, other):
        del config["trainer"]["default_root_dir"]
    # A method may bring a callback, and leaves those that there are.
    before, after = (config["trainer"].pop("callbacks") or [] for config in (multitask, other))
    assert after[: len(before)] == before
    assert other["data"] == multitask["data"]
    assert other["trainer"] == multitask["trainer"]
    one, two = (config["model"]["init_args"] for config in (multitask, other))
    name = two["encoder"]["class_path"].rpartition(".")[2]
    # What is conditioned by ω keeps what learns it; others have no use for it.
    conditioned = issubclass(getattr(encoders, name), Conditioned)
    changed = {name for name in one if one[name] != two[name]} - {"encoder_rate"}
    assert changed == ({"encoder"} if conditioned else {"encoder", "affinity"})
    encoder = two["encoder"]["init_args"]
    assert encoder["backbone"] == one["encoder"]["init_args"]["backbone"]
    affinity = "TROA" if conditioned else "Uniform"
    assert two["affinity"]["class_path"] == f"vtagml.affinity.{affinity}"


def test_every_tuning_has_an_overlay_of_either_stream() -> None:
    pairs = set()
    for method in METHODS:
        encoder = yaml.safe_load(method.read_text())["model"]["init_args"]["encoder"]
        stream = encoder["class_path"].rpartition(".")[2]
        if stream in STREAMS:
            given = encoder["init_args"]["tuning"]
            name = given["class_path"] if isinstance(given, dict) else given
            pairs.add((stream, name.rpartition(".")[2]))
    # A variant of a tuning has an overlay for behind that of the tuning.
    ablations = " ".join(path.read_text() for path in FOLDER.glob("ablations/*_experts.yaml"))
    variants = set(re.findall(r"vtagml\.tuning\.(\w+)", ablations))
    tunings = set(tuning.__all__) - {"Tuning"} - variants
    # Where nothing of the backbone trains, the streams of all tasks are one.
    assert pairs == {*product(STREAMS, tunings)} - {("Separate", "Frozen")}


@pytest.mark.parametrize("configs", first_fast(ZERO_SHOT), ids=name_of)
def test_zero_shot_config_goes_on_from_its_source(
    configs: Configs,
    stand_in: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = resolved(configs)
    run = source_of(settings)
    source = FOLDER / f"{Path(run).name}.yaml"
    last = f"{run}/checkpoints/last.ckpt"
    alone = ["--test_after_fit=false", f"--trainer.default_root_dir={run}"]
    main(["fit", *small_words([source], stand_in), *alone])
    words = [*small_words(configs, stand_in), "--trainer.default_root_dir=runs/target"]
    main(["test", *words, f"--ckpt_path={last}"])  # the source as it is
    main(["fit", *words])
    metrics = json.loads((tmp_path / "runs/target/metrics.json").read_text())["metrics"]
    # A prior of the held-out tasks would have to read their labels.
    objective = settings["model"]["init_args"]["objective"]["init_args"]
    assert metrics["model"].keys() - metrics["prior"].keys() == set(objective["held_out"])
    weights = [
        torch.load(file, weights_only=True)["state_dict"]
        for file in (last, "runs/target/checkpoints/last.ckpt")
    ]
    (held_out,) = objective["held_out"]
    same = {key for key in weights[0] if torch.equal(*(each[key] for each in weights))}
    decoder = {key for key in weights[0] if f".decoders.{held_out}." in key}
    assert decoder
    assert decoder <= same
    assert any(".adapters." in key for key in weights[0].keys() - same)


@pytest.mark.parametrize("configs", first_fast(NEW_TASK), ids=name_of)
def test_new_task_config_adds_a_task_to_its_source(
    configs: Configs,
    stand_in: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    run = source_of(resolved(configs))
    source = small_words([FOLDER / f"{Path(run).name}.yaml"], stand_in)
    main(["fit", *source, "--test_after_fit=false", f"--trainer.default_root_dir={run}"])
    main(["fit", *small_words(configs, stand_in)])
    check_results(tmp_path / "runs" / name_of(configs))
    known, new = (
        json.loads(Path(folder, "affinity.json").read_text())["omega"]
        for folder in (run, f"runs/{name_of(configs)}")
    )
    assert len(new) == len(known) + 1
    for found, row in zip(new, known, strict=False):
        assert found == pytest.approx([*row, 0])
    assert sum(new[-1]) == pytest.approx(1)


@pytest.mark.slow  # `encoders/test_mixed.py` is the fast one
def test_features_are_mixed_by_what_a_run_before_has_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first, second = (
        ["fit", *words_of(configs_in(each)), *SMALL] for each in commands_in_head(MIXED)
    )
    at_once = [f"--model.affinity.init_args.{key}" for key in ("start=0", "every=1")]
    main([*first, *at_once])
    main(second)
    runs = [tmp_path / "runs" / name for name in ("scenes_sdne", "scenes_sdne+mixed")]
    check_results(runs[1])
    measured, used = (json.loads((run / "affinity.json").read_text())["omega"] for run in runs)
    torch.testing.assert_close(torch.tensor(used), torch.tensor(measured))
    assert measured[0][0] > max(measured[0][1:])  # not uniform


@pytest.mark.parametrize("configs", first_fast(NOVEL), ids=name_of)
def test_novel_config_tests_its_source(
    configs: Configs,
    stand_in: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    fit, test = commands_in_head(configs[-1])
    source = configs_in(fit)
    own = fit[1 + 2 * len(source) :]
    run = Path(test[test.index("--ckpt_path") + 1]).parents[1]
    # As its head says, but for the size; the source's folder is that of which the test reads.
    alone = ["--test_after_fit=false", f"--trainer.default_root_dir={run}"]
    main(["fit", *small_words(source, stand_in), *own, *alone])
    words = [*small_words(configs, stand_in), "--trainer.default_root_dir=runs/novel"]
    main(["test", *words, f"--ckpt_path={run}/checkpoints/last.ckpt"])
    metrics = json.loads((tmp_path / "runs/novel/metrics.json").read_text())["metrics"]
    assert len(metrics["model"]) == len(resolved(configs)["model"]["init_args"]["tasks"])
    assert all(metrics["model"].values())


def test_a_config_on_other_data_has_the_network_of_its_source() -> None:
    for configs in (*ZERO_SHOT, *NOVEL):
        source = configs_in(commands_in_head(configs[-1])[0])
        pair = [resolved(each)["model"]["init_args"] for each in (configs, source)]
        for model in pair:  # the sizes are other, windows the same: said in its head
            del model["encoder"]["init_args"]["backbone"]["init_args"]["image_size"]
        for part in ("tasks", "encoder", "decoders", "affinity"):
            assert pair[0][part] == pair[1][part], (configs, part)
