import re
from pathlib import Path
from typing import Any

import pytest

from tests.report.run_folders import a_run, write_run
from vtagml.report import Method, Run, group, read_run, refuse_mix, warnings_of

DATA = "provenance.data.settings."
TASKS = "provenance.tasks."


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("provenance.data.class", "NYUDv2", "dataset: Scenes in `.*a`; NYUDv2 in `.*b`"),
        (DATA + "layout", "street", "data.layout: room in `.*a`; street in `.*b`"),
        (DATA + "train", 400, "data.train: 800 in"),
        (DATA + "test", 100, "data.test: 200 in"),
        (DATA + "image_size", [64, 64], r"data.image_size: \[128, 128\] in `.*a`; \[64, 64\]"),
        (DATA + "scene_seed", 1, "data.scene_seed: 0 in `.*a`; 1 in `.*b`"),
        (DATA + "skip", "bad.txt", "data.skip: not recorded in `.*a`; bad.txt in `.*b`"),
        (DATA + "evaluated_at", "native", "evaluated at: network in `.*a`; native in `.*b`"),
        (
            "provenance.augmented_testing",
            {"flip": True, "scales": [0.5, 1.0]},
            r"testing: None in `.*a`; {'flip': True, 'scales': \[0.5, 1.0\]} in `.*b`",
        ),
        ("provenance.test_samples", 20, "test samples: 200 in `.*a`; 20 in `.*b`"),
        ("comparable.segmentation.classes", 13, "segmentation: classes: 8 in `.*a`; 13 in `.*b`"),
        ("comparable.segmentation.class map", "2 joined", "class map: None in `.*a`; 2 joined in"),
        ("comparable.depth.unit", "cm", "depth: unit: m in `.*a`; cm in `.*b`"),
        ("comparable.depth.largest depth", 80.0, "depth: largest depth: None in `.*a`; 80.0"),
        ("comparable.depth.threshold", 0.5, "depth: threshold: not recorded in `.*a`; 0.5 in"),
        ("headline.depth", "abs_rel", "depth: metric: rmse in `.*a`; abs_rel in `.*b`"),
        ("higher_is_better.depth.rmse", True, "depth: higher is better: False in `.*a`; True"),
    ],
)
def test_what_does_not_compare_is_refused_by_name(
    tmp_path: Path, path: str, value: Any, said: str
) -> None:
    runs = [a_run(tmp_path / "a"), a_run(tmp_path / "b", changes={path: value})]
    with pytest.raises(ValueError, match=said):
        refuse_mix(runs)


def test_every_difference_is_named(tmp_path: Path) -> None:
    changes = {DATA + "scene_seed": 1, "comparable.depth.unit": "cm"}
    runs = [a_run(tmp_path / "a"), a_run(tmp_path / "b", changes=changes)]
    with pytest.raises(ValueError, match=r"scene_seed(.|\n)*depth: unit(.|\n)*report of each"):
        refuse_mix(runs)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (DATA + "batch_size", 8),
        (DATA + "workers", 7),
        (DATA + "cache", "/elsewhere"),
        (DATA + "augment", []),
        (DATA + "tasks", ["depth"]),
        (DATA + "withheld", ["depth"]),
        (DATA + "train_split", "both"),
        (DATA + "variants", 4),
        (DATA + "geometry", ["Resize"]),
        (TASKS + "depth.weight", 2.0),
        (TASKS + "depth.class", "InverseDepth"),
        (TASKS + "depth.scale", 20.0),
        ("provenance.training.steps", 450),
        ("provenance.encoder", "Frozen"),
    ],
)
def test_what_belongs_to_the_method_is_not(tmp_path: Path, path: str, value: Any) -> None:
    refuse_mix([a_run(tmp_path / "a"), a_run(tmp_path / "b", seed=1, changes={path: value})])


def test_data_that_do_not_say_it_are_evaluated_at_the_network_s_size(tmp_path: Path) -> None:
    said = {DATA + "evaluated_at": "network"}
    refuse_mix([a_run(tmp_path / "a"), a_run(tmp_path / "b", changes=said)])


def test_at_the_size_on_disk_networks_of_any_input_compare(tmp_path: Path) -> None:
    native = {DATA + "evaluated_at": "native"}
    smaller = native | {DATA + "image_size": [64, 64]}
    refuse_mix([a_run(tmp_path / "a", changes=native), a_run(tmp_path / "b", changes=smaller)])


def test_a_single_task_run_stands_beside_a_multitask_run(tmp_path: Path) -> None:
    alone = {"provenance.tasks": {"depth": {"class": "Depth", "scale": 1.0, "distances": {}}}}
    single = a_run(tmp_path / "single", metrics={"depth": 0.7}, changes=alone)
    refuse_mix([a_run(tmp_path / "a"), single])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"provenance.training.steps": 50}, r"Steps differ \(50, 225\)"),
        ({"provenance.training.steps": 50}, "Stopped before the steps of its config: `.*b`"),
        ({DATA + "batch_size": 8}, r"Images of a step differ \(8, 16\)"),
        ({"provenance.hardware.processes": 2}, r"Images of a step differ \(16, 32\)"),
        ({"provenance.hardware.device": "H200"}, r"Machines differ \(H200, A CPU\)"),
        ({"provenance.commit.hash": "fedcba9876"}, r"commits differ .*\(0123456, fedcba9\)"),
        ({"provenance.commit.dirty": True}, "Run on changed files.*`.*b`"),
        ({"provenance.commit": None}, "No commit.*`.*b`"),
        ({"provenance.versions.torch": "2.14.0"}, "versions differ between its runs"),
        ({"metrics.model.depth.rmse": None}, "not a finite number.*`.*b`"),
    ],
)
def test_what_must_be_said(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    runs = [a_run(tmp_path / "a"), a_run(tmp_path / "b", seed=1, changes=changes)]
    (method,) = group(runs)
    text = "\n".join(warnings_of([method]))
    assert re.search(said, text)


def test_nothing_is_said_without_a_reason(tmp_path: Path) -> None:
    assert warnings_of(group([a_run(tmp_path / "a"), a_run(tmp_path / "b", seed=1)])) == []


def test_one_seed_has_no_spread(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a")
    (folder / "config.yaml").unlink()
    said = warnings_of(group([read_run(folder)]))
    assert [line.split(",")[0] for line in said] == ["No config", "One seed only"]


def with_domains(folder: Path, source: str, target: str, seed: int, batch: int = 16) -> Run:
    """A run of unsupervised adaptation."""
    own = {"image_size": [128, 128], "train": 800, "batch_size": batch, "cache": f"/{seed}"}
    evaluated = {"look": target, "layout": "room", "test": 200, "scene_seed": 0}
    domains = {
        "source": {"class": "Scenes", "settings": {**own, "look": source, "scene_seed": 5}},
        "target": {"class": "Scenes", "settings": {**own, **evaluated}},
    }
    data = {"class": "Adaptation", "settings": {**domains, "tasks": ["depth"]}}
    nested = {"class_path": "datamodules.Scenes", "init_args": {"look": source, "seed": seed}}
    settings = {"data.class_path": "datamodules.Adaptation", "data.init_args": {"source": nested}}
    return a_run(folder, seed=seed, changes={"provenance.data": data}, settings=settings)


def test_two_domains_are_compared_by_what_was_evaluated(tmp_path: Path) -> None:
    adapted = [with_domains(tmp_path / str(seed), "day", "dusk", seed) for seed in range(2)]
    refuse_mix(adapted)
    (method,) = group(adapted)
    assert [run.seeds for run in method.runs] == [(0, 0), (1, 1)]
    assert warnings_of([method]) == []
    # Trained on the target's labels: compares, and is said.
    oracle = a_run(tmp_path / "oracle", changes={DATA + "look": "dusk"})
    refuse_mix([*adapted, oracle])
    said = warnings_of([method, Method("oracle", (oracle,))])
    assert f"Trained on other data or labels than {method.name}: oracle." in said
    with pytest.raises(ValueError, match=r"data\.look: dusk in .*; rain in"):
        refuse_mix([*adapted, with_domains(tmp_path / "rain", "day", "rain", 2)])


def test_two_domains_in_batches_of_another_size_are_said(tmp_path: Path) -> None:
    runs = [with_domains(tmp_path / str(seed), "day", "dusk", seed, 8 + seed) for seed in range(2)]
    assert "Images of a step differ (8, 9): so do those of as many steps." in warnings_of(
        group(runs)
    )


def test_images_of_a_step_are_those_that_are_accumulated(tmp_path: Path) -> None:
    twice = {"trainer.accumulate_grad_batches": 2}
    halves = a_run(tmp_path / "b", seed=1, changes={DATA + "batch_size": 8}, settings=twice)
    assert not [
        said for said in warnings_of(group([a_run(tmp_path / "a"), halves])) if "step" in said
    ]


def test_augmentation_is_no_other_data(tmp_path: Path) -> None:
    augmented = {"data.init_args.variants": 4, "data.init_args.geometry": ["Resize"]}
    methods = [Method("all", (a_run(tmp_path / "a"),))]
    methods.append(Method("kept", (a_run(tmp_path / "b", settings=augmented),)))
    assert not [said for said in warnings_of(methods) if "other data" in said]


def test_parts_of_a_mixture_compare_wherever_they_lie(tmp_path: Path) -> None:
    runs = []
    for seed, size in ((0, 64), (1, 64), (2, 32)):
        own = {"root": f"/{seed}", "workers": seed, "tasks": ["a"], "image_size": [size, size]}
        part = {"class": "Flowers", "settings": own}
        runs.append(a_run(tmp_path / str(seed), seed=seed, changes={DATA + "parts": [part]}))
    refuse_mix(runs[:2])
    with pytest.raises(ValueError, match=r"data\.parts: .*64.*32"):
        refuse_mix(runs)


def test_withheld_labels_are_said(tmp_path: Path) -> None:
    withheld = {"data.init_args.withheld": ["depth"]}
    methods = [Method("all", (a_run(tmp_path / "a"),))]
    methods.append(Method("zero-shot", (a_run(tmp_path / "b", settings=withheld),)))
    said = "Trained on other data or labels than all: zero-shot."
    assert said in warnings_of(methods)
