from pathlib import Path
from typing import Any

import pytest

from tests.report.run_folders import a_run, write_run
from vtagml.report import group, read_run
from vtagml.report.comparable import warnings_of

RATE = "model.init_args.optimizer.init_args.lr"


def test_seeds_and_places_make_no_method(tmp_path: Path) -> None:
    elsewhere = {"data.init_args.cache": "/other", "checkpoint.dirpath": "/other", "progress": 1}
    runs = [a_run(tmp_path / "a"), a_run(tmp_path / "b", seed=1, settings=elsewhere)]
    (method,) = group(runs)
    assert method.name == "scenes_sd"
    assert method.runs == tuple(runs)


def test_a_setting_that_is_new_and_null_makes_no_method(tmp_path: Path) -> None:
    newer = {"data.init_args.variants": None}
    runs = [a_run(tmp_path / "a"), a_run(tmp_path / "b", seed=1, settings=newer)]
    assert [len(method.runs) for method in group(runs)] == [2]


@pytest.mark.parametrize(
    ("path", "value", "shown"),
    [
        (RATE, 0.01, "lr=0.01"),
        ("trainer.max_steps", 450, "max_steps=450"),
        ("model.init_args.encoder.class_path", "vtagml.encoders.Shared", "class_path=vtagml.encod"),
        ("data.init_args.augment", ["HorizontalFlip"], "augment=['HorizontalFlip']"),
    ],
)
def test_every_other_setting_does(tmp_path: Path, path: str, value: Any, shown: str) -> None:
    runs = [a_run(tmp_path / "a"), a_run(tmp_path / "b", seed=1, settings={path: value})]
    first, second = group(runs)
    assert first.name != second.name
    assert second.name.startswith(f"scenes_sd, {shown[:20]}")


def test_a_callback_that_only_looks_on_makes_no_method(tmp_path: Path) -> None:
    looking = {"class_path": "vtagml.callbacks.GradientConflicts", "init_args": {"every": 2}}
    other = {"class_path": "vtagml.callbacks.ProgressiveResizing"}
    given: list[Any] = [None, [looking], [other], [looking, other]]
    runs = [
        a_run(tmp_path / str(seed), seed=seed, settings={"trainer.callbacks": callbacks})
        for seed, callbacks in enumerate(given)
    ]
    methods = group([*runs, a_run(tmp_path / "4", seed=4)])
    assert [len(method.runs) for method in methods] == [3, 2]


def test_names_fall_back_on_folders(tmp_path: Path) -> None:
    many = {RATE: 1.0, "trainer.max_steps": 1, "compile": True, "schedule": "flat"}
    runs = [a_run(tmp_path / "a"), a_run(tmp_path / "b", settings=many)]
    assert [method.name for method in group(runs)] == ["scenes_sd, a", "scenes_sd, b"]


@pytest.mark.parametrize("by", ["config", "folder"])
def test_folders_of_seeds_are_told_apart_by_what_is_above_them(tmp_path: Path, by: str) -> None:
    many = {RATE: 1.0, "trainer.max_steps": 1, "compile": True, "schedule": "flat"}
    runs = [a_run(tmp_path / "m1" / "0"), a_run(tmp_path / "m2" / "0", settings=many)]
    first, second = [method.name for method in group(runs, by)]
    assert first.endswith("m1/0")
    assert second.endswith("m2/0")
    runs = [a_run(tmp_path / "b/m1/0"), a_run(tmp_path / "c/m1/0", settings=many)]
    assert len({method.name for method in group(runs, by)}) == 2


def parts(seed: int) -> list[dict[str, Any]]:
    """Of a mixture, each in a place and with settings of loading that the seed tells apart."""
    own = {"root": f"/{seed}", "cache": f"/{seed}", "workers": seed, "image_size": [64, 64]}
    return [{"class_path": "datamodules.Flowers", "init_args": own}]


def test_places_of_a_mixture_s_parts_make_no_method(tmp_path: Path) -> None:
    runs = [
        a_run(tmp_path / str(seed), seed=seed, settings={"data.init_args.parts": parts(seed)})
        for seed in (0, 1)
    ]
    assert len(group(runs)) == 1


@pytest.mark.parametrize(
    ("by", "name"),
    [
        ("config", "scenes_sd"),
        ("folder", "a"),
        (RATE, "0.005"),
        ("model.init_args.optimizer", "AdamW"),
    ],
)
def test_what_names_a_method(tmp_path: Path, by: str, name: str) -> None:
    assert [method.name for method in group([a_run(tmp_path / "a")], by)] == [name]


def test_an_unknown_name_of_names(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`--by` must be config, folder or a key"):
        group([a_run(tmp_path / "a")], "model.nothing")


def test_a_seed_twice_is_no_second_seed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"seed only once, found `.*a` and `.*b`"):
        group([a_run(tmp_path / "a"), a_run(tmp_path / "b")])


@pytest.mark.parametrize("file", ["affinity.json", "checkpoints/last.ckpt", ""])
def test_runs_that_start_from_runs_of_one_method_are_of_one_method(
    tmp_path: Path, file: str
) -> None:
    initial = "model.init_args.affinity.init_args.initial"
    runs = []
    for seed in (0, 1):
        source = write_run(tmp_path / f"source_{seed}", seed=seed)
        settings = {initial: str(source / file)}
        runs.append(a_run(tmp_path / f"tuned_{seed}", seed=seed, settings=settings))
    assert len(group(runs)) == 1
    other = write_run(tmp_path / "source_2", settings={RATE: 0.5})
    settings = {initial: str(other / file)}
    assert len(group([*runs, a_run(tmp_path / "tuned_2", seed=2, settings=settings)])) == 2


def test_runs_that_start_from_other_files_of_a_run_are_of_other_methods(tmp_path: Path) -> None:
    source = write_run(tmp_path / "source")
    initial = "model.init_args.affinity.init_args.initial"
    files = [source / "checkpoints" / f"{name}.ckpt" for name in ("best", "last")]
    runs = [
        a_run(tmp_path / name, seed=seed, settings={initial: str(file)})
        for seed, (name, file) in enumerate(zip("ab", files, strict=True))
    ]
    assert len(group(runs)) == 2


def test_a_config_alone_makes_no_run_of_what_lies_beside_it(tmp_path: Path) -> None:
    weights = "model.init_args.encoder.init_args.weights"
    runs = []
    for seed, name in enumerate("ab"):
        (tmp_path / name / "data").mkdir(parents=True)
        (tmp_path / name / "config.yaml").write_text("trainer: {}")
        given = {weights: f"{tmp_path}/{name}/data/vit.safetensors"}
        runs.append(a_run(tmp_path / "runs" / name, seed=seed, settings=given))
    assert len(group(runs)) == 2


def test_folders_of_one_s_own_are_other_data_elsewhere(tmp_path: Path) -> None:
    runs = []
    for seed, root in enumerate(["few", "many", "many"]):
        data = {"data.class_path": "datamodules.Folders", "data.init_args.root": root}
        runs.append(a_run(tmp_path / str(seed), seed=seed, settings=data))
    methods = group(runs)
    assert [len(method.runs) for method in methods] == [1, 2]
    assert any("Trained on other data" in said for said in warnings_of(methods))


def test_without_a_config_what_is_recorded_decides(tmp_path: Path) -> None:
    runs = []
    for seed, encoder in ((0, "VTAGML"), (1, "VTAGML"), (0, "Frozen")):
        folder = tmp_path / f"{encoder}_{seed}"
        source = {"class": "Scenes", "settings": {"seed": seed, "cache": f"/{seed}", "look": "day"}}
        changes = {"provenance.encoder": encoder, "provenance.data.settings.source": source}
        write_run(folder, seed=seed, changes=changes)
        (folder / "config.yaml").unlink()
        runs.append(read_run(folder))
    assert [len(method.runs) for method in group(runs)] == [2, 1]
